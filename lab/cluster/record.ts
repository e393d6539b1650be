import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Shared } from './machines/run.js';
import { labFolders } from './machines/folders.js';
import { planLab, stateDirFromEnvironment, type LabOptions, type LabPlan } from './plan.js';

/** What the lab knows about itself between two commands. */
export interface LabRecord {
  /**
   * `making` until everything of `up` was seen running; `ready` from then on, also while the nodes are down;
   * `restoring` while the nodes' files are being replaced by a snapshot's.
   */
  readonly phase: 'making' | 'ready' | 'restoring';
  readonly options: LabOptions;
  readonly rootfs: string;
  readonly shared: Shared;
  /** `v1.20.2` */
  readonly version: string;
}

/** Reads the record, or undefined where there is no lab. */
export async function readRecord(stateDir: string): Promise<LabRecord | undefined> {
  try {
    return JSON.parse(await readFile(labFolders({ stateDir }).record, 'utf8')) as LabRecord;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Replaces the record in one step. */
export async function writeRecord(stateDir: string, record: LabRecord): Promise<void> {
  const file = labFolders({ stateDir }).record;
  await mkdir(dirname(file), { recursive: true, mode: 0o755 });
  await writeFile(`${file}.new`, `${JSON.stringify(record, null, 2)}\n`);
  await rename(`${file}.new`, file);
}

/** A lab that exists. */
export interface ExistingLab {
  readonly plan: LabPlan;
  readonly record: LabRecord;
}

/** The lab in the state folder, or an error that says how to make one. */
export async function existingLab(stateDir = stateDirFromEnvironment()): Promise<ExistingLab> {
  const record = await readRecord(stateDir);
  if (record === undefined) throw new Error(`${stateDir}: holds no lab; run \`npm run lab -- up\``);
  return { plan: planLab(stateDir, record.options), record };
}
