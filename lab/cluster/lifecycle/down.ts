import { rm } from 'node:fs/promises';
import { LabCgroups } from '../host/cgroups.js';
import { hasNetwork, processesInNetwork, removeNetwork, unplugNodes } from '../host/namespace.js';
import { returnSettings } from '../host/sysctls.js';
import { waitUntil } from '../host/wait.js';
import { forgetMachine, mountedBelow, unmount } from '../machines/mounts.js';
import { labFolders, nodeFolders } from '../machines/folders.js';
import type { LabPlan } from '../plan.js';

/** Ends everything that runs in the lab, at once: nodes, balancer, and whatever was started in its network. */
export async function stopAll(plan: LabPlan): Promise<void> {
  const cgroups = await LabCgroups.ofHost(plan.name);
  await cgroups.kill();
  await endProcessesInNetwork(plan);
  await unplugNodes(plan);
  for (const node of plan.nodes) await forgetMachine(node, nodeFolders(plan, node));
  for (const root of await mountedBelow(labFolders(plan).nodes)) await unmount(root);
  await cgroups.remove();
}

/** A process in the lab's own namespace can only be the lab's or one of `lab exec`. */
async function endProcessesInNetwork(plan: LabPlan): Promise<void> {
  await waitUntil(
    { what: `lab ${plan.name}: end of the processes in its network`, seconds: 15, everyMs: 100 },
    async () => {
      const left = await processesInNetwork(plan);
      for (const pid of left) endIfThere(pid);
      return left.length === 0;
    },
  );
}

function endIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/**
 * Takes the lab away: processes, mounts, control groups, network, host settings, nodes, cluster files and snapshots.
 * Only its keys stay, for the next `up`. Works on whatever is left of a lab, also after an interruption.
 */
export async function takeDown(plan: LabPlan): Promise<void> {
  await stopAll(plan);
  if (hasNetwork(plan)) await removeNetwork(plan);
  await returnSettings(plan.name);
  const folders = labFolders(plan);
  await unmount(folders.nodes);
  for (const path of [folders.nodes, folders.cluster, folders.snapshots, folders.balancer]) {
    await rm(path, { recursive: true, force: true });
  }
  // Last: as long as it is there, an interrupted `down` is known as a lab that is to be taken down.
  await rm(folders.record, { force: true });
}
