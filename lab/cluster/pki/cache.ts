import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { LabPlan } from '../plan.js';
import { createPki, type ClusterPki } from './cluster.js';

/**
 * The PKI of a lab, made once and kept, since a dozen RSA 4096 keys take longer than all else before the first boot.
 * @param file readable by its owner alone; made anew when it is missing, belongs to other nodes, or `fresh` is true
 */
export async function cachedPki(
  plan: LabPlan,
  file: string,
  fresh: boolean,
  bits: 2048 | 4096,
): Promise<ClusterPki> {
  const owner = `${plan.fqdn} ${plan.nodes.map((node) => node.name).join(' ')} ${bits}`;
  const kept = fresh ? undefined : await readKept(file);
  if (kept?.owner === owner) return kept.pki;
  const pki = await createPki(plan, bits);
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  await chmod(dirname(file), 0o700);
  await writeFile(`${file}.new`, JSON.stringify({ owner, pki } satisfies Kept), { mode: 0o600 });
  await rename(`${file}.new`, file);
  return pki;
}

interface Kept {
  owner: string;
  pki: ClusterPki;
}

async function readKept(file: string): Promise<Kept | undefined> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Kept;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
