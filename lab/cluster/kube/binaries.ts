import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { attempt, run } from '../host/command.js';
import { minorVersion } from './flags.js';

/** What the lab runs of Kubernetes. */
export const programs = [
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'kube-proxy',
  'kubelet',
  'kubectl',
] as const;
export type Program = (typeof programs)[number];

/** A folder of Kubernetes binaries with what they say about themselves. */
export interface Binaries {
  readonly folder: string;
  /** `v1.20.2` */
  readonly version: string;
  /** `20` */
  readonly minor: number;
  /** Help texts by program. */
  readonly help: Readonly<Record<Program, string>>;
}

/** Asks the binaries of a folder for their version and flags. */
export async function inspectBinaries(folder: string): Promise<Binaries> {
  const missing = programs.filter((program) => !existsSync(join(folder, program)));
  if (missing.length > 0)
    throw new Error(`${folder}: lacks ${missing.join(', ')}; expected all of ${programs.join(', ')}`);
  const said = await run([join(folder, 'kubelet'), '--version']);
  const texts = programs.map(async (program): Promise<[Program, string]> => {
    const { stdout, stderr } = await attempt([join(folder, program), '--help']);
    return [program, stdout + stderr];
  });
  const help = Object.fromEntries(await Promise.all(texts)) as Record<Program, string>;
  return {
    folder,
    version: /v\d+\.\d+\.\d+\S*/.exec(said)?.[0] ?? said.trim(),
    minor: minorVersion(said),
    help,
  };
}
