import { chmod, chown, mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import pMap from 'p-map';
import { step, type Progress } from '../../assets/index.js';
import { LabCgroups } from '../host/cgroups.js';
import { run } from '../host/command.js';
import { Kubectl } from '../kube/kubectl.js';
import { mountMemory } from '../machines/mounts.js';
import { keptFolders, labFolders, nodeFolders } from '../machines/folders.js';
import type { LabNode, LabPlan } from '../plan.js';
import { writeRecord, type ExistingLab } from '../record.js';
import { stopAll } from './down.js';
import { resume } from './up.js';

function snapshotFolder(plan: LabPlan, name: string): string {
  if (!/^[a-zA-Z0-9][a-zA-Z0-9._-]*$/.test(name)) {
    throw new Error(`snapshot "${name}": expected letters, digits, dots, dashes and underscores`);
  }
  return join(labFolders(plan).snapshots, name);
}

/** Copies a folder with owners, modes, extended attributes and holes; the target must not exist. */
async function copyTree(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true, mode: 0o700 });
  const copied = (await readdir(from)).map((name) => join(from, name));
  if (copied.length > 0)
    await run(['cp', '-a', '--sparse=always', `--target-directory=${to}`, '--', ...copied], {
      timeoutMs: 600_000,
    });
  const { uid, gid, mode } = await stat(from);
  await chown(to, uid, gid);
  await chmod(to, mode);
}

/**
 * Keeps a copy of the lab as it is at one instant: all nodes stand still for the second or two that it takes. Replaces
 * a snapshot of the same name only when the new one is complete.
 */
export async function takeSnapshot(lab: ExistingLab, name: string, progress: Progress): Promise<void> {
  if (lab.record.phase !== 'ready')
    throw new Error(`lab ${lab.plan.name}: is ${lab.record.phase}; expected ready; run \`lab up\``);
  const folder = snapshotFolder(lab.plan, name);
  const unfinished = `${folder}.unfinished`;
  await rm(unfinished, { recursive: true, force: true });
  await mkdir(unfinished, { recursive: true, mode: 0o700 });
  const cgroups = await LabCgroups.ofHost(lab.plan.name);
  await step(progress, `snapshot ${name}: copy`, 3, async () => {
    // An interruption ends the copying, but not before everything goes on again.
    const wait = (): undefined => undefined;
    process.on('SIGINT', wait).on('SIGTERM', wait);
    try {
      await cgroups.freeze(true);
      await pMap(lab.plan.nodes, (node) => copyNode(lab.plan, node, unfinished), { concurrency: 4 });
      await copyTree(labFolders(lab.plan).cluster, join(unfinished, 'cluster'));
    } finally {
      await cgroups.freeze(false);
      process.off('SIGINT', wait).off('SIGTERM', wait);
    }
  });
  await rm(folder, { recursive: true, force: true });
  await rename(unfinished, folder);
}

async function copyNode(plan: LabPlan, node: LabNode, into: string): Promise<void> {
  const folders = nodeFolders(plan, node);
  const target = join(into, node.name);
  await mkdir(target, { recursive: true });
  for (const part of keptFolders) await copyTree(folders[part], join(target, part));
}

/**
 * Ends all nodes, puts back the files that a snapshot holds, the operator's included, and resolves when the cluster
 * is healthy again. An interrupted one is repeated as a whole.
 */
export async function restoreSnapshot(lab: ExistingLab, name: string, progress: Progress): Promise<void> {
  const { plan, record } = lab;
  const folder = snapshotFolder(plan, name);
  if (!existsSync(folder))
    throw new Error(`snapshot "${name}": there is none; see ${labFolders(plan).snapshots}`);
  await step(progress, `snapshot ${name}: put back`, 4, async () => {
    await writeRecord(plan.stateDir, { ...record, phase: 'restoring' });
    await stopAll(plan);
    await mountMemory(labFolders(plan).nodes);
    await pMap(plan.nodes, (node) => putNodeBack(plan, node, folder), { concurrency: 4 });
    await rm(labFolders(plan).cluster, { recursive: true, force: true });
    await copyTree(join(folder, 'cluster'), labFolders(plan).cluster);
    await writeRecord(plan.stateDir, { ...record, phase: 'ready' });
  });
  await resume(plan, record, new Kubectl(plan, record.shared.kubernetes), progress);
}

async function putNodeBack(plan: LabPlan, node: LabNode, folder: string): Promise<void> {
  const folders = nodeFolders(plan, node);
  // The overlay's working folder belongs to the upper layer that is thrown away.
  for (const path of [folders.work, ...keptFolders.map((part) => folders[part])]) {
    await rm(path, { recursive: true, force: true });
  }
  for (const part of keptFolders) await copyTree(join(folder, node.name, part), folders[part]);
}
