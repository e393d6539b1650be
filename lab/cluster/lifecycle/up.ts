import { existsSync } from 'node:fs';
import { ensureAssets, step, type Progress } from '../../assets/index.js';
import { inspectBinaries } from '../kube/binaries.js';
import { Kubectl } from '../kube/kubectl.js';
import { planLab, type LabOptions, type LabPlan } from '../plan.js';
import { labFolders } from '../machines/folders.js';
import { isMounted } from '../machines/mounts.js';
import { readRecord, writeRecord, type LabRecord } from '../record.js';
import { takeDown } from './down.js';
import { furnish, waitForApi, waitForHealth } from './furnish.js';
import { checkSize, makeLab } from './make.js';
import { startAll } from './start.js';

/** What `lab up` does besides the recorded options. */
export interface UpOptions extends LabOptions {
  /** New keys instead of those that an earlier `up` made. */
  readonly freshPki: boolean;
}

/**
 * Brings up the lab: fetches and builds what is missing, makes keys and nodes, boots them, and resolves when the
 * cluster is healthy. A lab that is ready with the same options is only started where it does not run; one that was
 * interrupted, or has other options, is taken down and made anew.
 */
export async function bringUp(stateDir: string, options: UpOptions, progress: Progress): Promise<LabPlan> {
  const plan = planLab(stateDir, options);
  checkSize(plan);
  const assets = await ensureAssets(
    progress,
    options.kubernetes === undefined ? {} : { kubernetes: options.kubernetes },
  );
  const shared = { kubernetes: assets.kubernetes, images: Object.values(assets.images) };
  const version = (await inspectBinaries(shared.kubernetes)).version;
  const record: LabRecord = {
    phase: 'making',
    options: recorded(options),
    rootfs: assets.rootfs,
    shared,
    version,
  };
  const before = await readRecord(stateDir);
  const kubectl = new Kubectl(plan, shared.kubernetes);
  // Memory does not outlive the machine's own boot.
  const complete = await isMounted(labFolders(plan).nodes);
  if (before !== undefined && complete && !options.freshPki && isSame(before, record))
    return resume(plan, before, kubectl, progress);
  if (before !== undefined) await takeDown(planLab(stateDir, before.options));
  await writeRecord(stateDir, record);
  await step(progress, 'nodes and keys: make', 8, () => makeLab(plan, record, options.freshPki));
  await step(progress, 'nodes: boot until the API answers', 30, async () => {
    await startAll(plan, record);
    await waitForApi(plan, kubectl, 300);
  });
  await step(progress, 'cluster: until all is Ready', 25, async (task) => {
    await furnish(plan, record, kubectl);
    await waitForHealth(plan, kubectl, task);
  });
  await writeRecord(stateDir, { ...record, phase: 'ready' });
  return plan;
}

/** Starts a lab that is complete on the disk. */
export async function resume(
  plan: LabPlan,
  record: LabRecord,
  kubectl: Kubectl,
  progress: Progress,
): Promise<LabPlan> {
  await step(progress, 'cluster: start, until all is Ready', 30, async (task) => {
    const boots = await startAll(plan, record);
    await waitForApi(plan, kubectl, 300);
    await waitForHealth(plan, kubectl, task, boots);
  });
  return plan;
}

function isSame(before: LabRecord, wanted: LabRecord): boolean {
  const essence = ({ options, rootfs, shared, version }: LabRecord): string =>
    JSON.stringify([options, rootfs, shared, version]);
  return before.phase === 'ready' && essence(before) === essence(wanted) && existsSync(before.rootfs);
}

/** The recorded options alone, in one order, so that two records can be compared as text. */
function recorded(options: UpOptions): LabOptions {
  const { masters, agents, kubernetes, keyBits } = options;
  const { projectedTokens, aksPeriods, watchdogDelay, certificateSeconds } = options;
  return {
    ...{ masters, agents, kubernetes, keyBits },
    ...{ projectedTokens, aksPeriods, watchdogDelay, certificateSeconds },
  };
}
