import { createHash } from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The scripts that run on nodes, with one hash over all of them. */
export interface ScriptPack {
  /** First 12 hex digits of SHA-256 over names and contents. */
  readonly hash: string;
  /** Where the pack lies on a node (there under `KEYROLL_ROOT`, which is empty on real nodes). */
  readonly folder: string;
  /** Contents by file name. */
  readonly files: ReadonlyMap<string, Buffer>;
  /** The text of `install-scripts.sh`, which puts the others on a node. */
  readonly installer: string;
  /** The script for Windows nodes, `windows/rotate-agent.ps1`. */
  readonly windows: Buffer;
}

/** The same path from `src` (run by tsx) and from `dist`. */
const besideTheProgram = fileURLToPath(new URL('../../node/', import.meta.url));

/** Reads the pack: all `*.sh` and `*.py` of `src/node`. @throws Error when a file cannot be read */
export async function loadScripts(folder = besideTheProgram): Promise<ScriptPack> {
  const names = (await readdir(folder))
    .filter((name) => /^[A-Za-z0-9_][A-Za-z0-9._-]*\.(sh|py)$/.test(name))
    .sort();
  const files = new Map<string, Buffer>();
  for (const name of names) files.set(name, await readFile(join(folder, name)));
  const installer = files.get('install-scripts.sh');
  if (installer === undefined)
    throw new Error(`${folder}: install-scripts.sh is missing; build keyroll again`);
  files.delete('install-scripts.sh');
  const hash = hashOf(files);
  const windows = await readFile(join(folder, 'windows', 'rotate-agent.ps1'));
  return {
    hash,
    folder: `/var/lib/keyroll/scripts-${hash}`,
    files,
    installer: installer.toString('utf8'),
    windows,
  };
}

function hashOf(files: ReadonlyMap<string, Buffer>): string {
  const sum = createHash('sha256');
  for (const [name, content] of files) sum.update(`${name}\0${content.length}\0`).update(content);
  return sum.digest('hex').slice(0, 12);
}
