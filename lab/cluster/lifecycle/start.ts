import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { balancerConfiguration } from '../host/balancer.js';
import { LabCgroups } from '../host/cgroups.js';
import { startDetached } from '../host/command.js';
import { createNetwork, inNetwork } from '../host/namespace.js';
import { borrowSettings } from '../host/sysctls.js';
import type { Boots } from '../kube/health.js';
import { mountRoot } from '../machines/mounts.js';
import { labFolders, nodeFolders } from '../machines/folders.js';
import { inGroup, labGroup, leaderOf, otherMachines, processorShares, startNode } from '../machines/run.js';
import type { LabPlan } from '../plan.js';
import type { LabRecord } from '../record.js';

/** Starts whatever of an existing lab does not run: network, balancer, nodes. Repeatable. Resolves to what it booted. */
export async function startAll(plan: LabPlan, record: LabRecord): Promise<Boots> {
  const boots = { time: Date.now(), nodes: new Set<string>() };
  const cgroups = await LabCgroups.ofHost(plan.name);
  await borrowSettings(plan.name);
  // A snapshot that was killed left everything standing still.
  await cgroups.freeze(false);
  await cgroups.create(labGroup);
  for (const name of ['operator', 'client'] as const)
    await cgroups.create(otherMachines[name], processorShares[name]);
  await cgroups.weigh(plan.nodes.length + 2);
  await createNetwork(plan);
  await startBalancer(plan, cgroups);
  for (const node of plan.nodes) {
    if ((await leaderOf(plan, cgroups, node)) !== undefined) continue;
    await mountRoot(record.rootfs, nodeFolders(plan, node));
    await startNode(plan, cgroups, node, record.shared);
    boots.nodes.add(node.name);
  }
  return boots;
}

/** Starts the balancer unless it runs; it needs root for its ports and to probe from another address. */
async function startBalancer(plan: LabPlan, cgroups: LabCgroups): Promise<void> {
  const { balancer } = labFolders(plan);
  await mkdir(balancer, { recursive: true });
  if (await balancerRuns(cgroups)) return;
  const configuration = join(balancer, 'haproxy.cfg');
  await writeFile(configuration, balancerConfiguration(plan, balancer));
  const haproxy = inNetwork(plan, ['haproxy', '-db', '-f', configuration]);
  startDetached(inGroup(cgroups, labGroup, haproxy), join(balancer, 'haproxy.log'));
}

/** Whether the lab's balancer runs. */
export async function balancerRuns(cgroups: LabCgroups): Promise<boolean> {
  const names = (await cgroups.processes(labGroup)).map((pid) =>
    // A process that ended in the meantime has no name.
    readFile(`/proc/${pid}/comm`, 'utf8').catch(() => ''),
  );
  return (await Promise.all(names)).some((name) => name.trim() === 'haproxy');
}
