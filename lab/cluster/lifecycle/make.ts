import { mkdir, rm, writeFile } from 'node:fs/promises';
import pMap from 'p-map';
import { LabCgroups } from '../host/cgroups.js';
import type { HostKeys } from '../files/system.js';
import { inspectBinaries } from '../kube/binaries.js';
import { labFolders } from '../machines/folders.js';
import { mountMemory, unmount } from '../machines/mounts.js';
import { createNode, type NodeInputs } from '../machines/create.js';
import { adminKubeconfig } from '../model/kubeconfig.js';
import { writeModel } from '../model/write.js';
import { cachedPki } from '../pki/cache.js';
import { createPki, type ClusterPki } from '../pki/cluster.js';
import { mastersOf, type LabNode, type LabPlan } from '../plan.js';
import type { LabRecord } from '../record.js';
import { hostKeysOf, knownHostsLines, makeAdminKey, sshFiles } from '../ssh.js';

/** Makes the files of a new lab: keys, the operator's folder, every node's root. Nothing runs yet. */
export async function makeLab(plan: LabPlan, record: LabRecord, freshPki: boolean): Promise<void> {
  const folders = labFolders(plan);
  await unmount(folders.nodes);
  for (const path of [folders.nodes, folders.cluster]) await rm(path, { recursive: true, force: true });
  await mkdir(folders.cluster, { recursive: true, mode: 0o700 });
  await mountMemory(folders.nodes);
  const [pki, keys, binaries, authorizedKey, cgroups] = await Promise.all([
    clusterPki(plan, record, freshPki),
    allHostKeys(plan),
    inspectBinaries(record.shared.kubernetes),
    makeAdminKey(plan),
    LabCgroups.ofHost(plan.name),
  ]);
  const { options } = record;
  await writeModel(folders.cluster, { plan, options, binaries, pki, authorizedKey });
  await writeKnownHosts(plan, keys);
  const inputs: NodeInputs = {
    rootfs: record.rootfs,
    pki,
    kubernetes: { plan, options, binaries, cgroupVersion1: cgroups.isVersion1 },
    system: {
      plan,
      options,
      authorizedKey,
      adminKubeconfig: adminKubeconfig(plan, pki, `https://${plan.fqdn}`),
    },
  };
  await pMap(plan.nodes, (node) => createNode(inputs, node, keysFor(keys, node)), { concurrency: 4 });
}

/** Keys that expire soon are of no use to the next lab, and must not take long to make. */
function clusterPki(plan: LabPlan, { options }: LabRecord, freshPki: boolean): Promise<ClusterPki> {
  const { certificateSeconds: seconds, keyBits } = options;
  if (seconds === undefined) return cachedPki(plan, labFolders(plan).pki, freshPki, keyBits);
  return createPki(plan, 2048, new Date(Date.now() + seconds * 1000));
}

type KeysByNode = ReadonlyMap<string, HostKeys>;

async function allHostKeys(plan: LabPlan): Promise<KeysByNode> {
  const made = await pMap(
    plan.nodes,
    async (node): Promise<[string, HostKeys]> => [node.name, await hostKeysOf(plan, node)],
    {
      concurrency: 2,
    },
  );
  return new Map(made);
}

function keysFor(keys: KeysByNode, node: LabNode): HostKeys {
  const found = keys.get(node.name);
  if (found === undefined) throw new Error(`node ${node.name}: has no SSH host keys`);
  return found;
}

async function writeKnownHosts(plan: LabPlan, keys: KeysByNode): Promise<void> {
  const lines = plan.nodes.flatMap((node) => knownHostsLines(plan, node, keysFor(keys, node)));
  await writeFile(sshFiles(plan).knownHosts, `${lines.join('\n')}\n`);
}

/** The masters' number must allow a quorum, and addresses must not run into the balancer's. */
export function checkSize(plan: LabPlan): void {
  const masters = mastersOf(plan).length;
  const agents = plan.nodes.length - masters;
  if (![1, 3, 5].includes(masters)) throw new Error(`--masters ${masters}: expected 1, 3 or 5`);
  if (!Number.isInteger(agents) || agents < 1 || agents > 20)
    throw new Error(`--agents ${agents}: expected 1 to 20`);
}
