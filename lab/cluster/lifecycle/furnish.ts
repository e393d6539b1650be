import { LabCgroups } from '../host/cgroups.js';
import { Hopeless, waitFor, waitUntil } from '../host/wait.js';
import { roleLabels } from '../files/kubernetes.js';
import { inspectBinaries } from '../kube/binaries.js';
import { ailments, clusterHealth, expectedPods, type Boots } from '../kube/health.js';
import type { Kubectl } from '../kube/kubectl.js';
import { workloads } from '../kube/workloads.js';
import { nodeFolders } from '../machines/folders.js';
import { inNode, leaderOf } from '../machines/run.js';
import { mastersOf, type LabPlan } from '../plan.js';
import type { LabRecord } from '../record.js';
import type { Task } from '../../assets/index.js';

/** Resolves when the API answers through the balancer. */
export async function waitForApi(plan: LabPlan, kubectl: Kubectl, seconds: number): Promise<void> {
  const what = `lab ${plan.name}: the API through the balancer`;
  const begin = Date.now();
  await waitUntil({ what, seconds, everyMs: 500 }, async () => {
    // A node that could not be booted does not come by itself.
    if (Date.now() - begin > 15_000) await checkNodesRun(plan);
    return (await kubectl.run(['get', '--raw', '/readyz'])) === 'ok';
  });
}

async function checkNodesRun(plan: LabPlan): Promise<void> {
  const cgroups = await LabCgroups.ofHost(plan.name);
  for (const node of plan.nodes) {
    if ((await leaderOf(plan, cgroups, node)) !== undefined) continue;
    const { console: log } = nodeFolders(plan, node);
    throw new Hopeless(
      `node ${node.name}: ended while it booted, expected it to run; its last words are in ${log}`,
    );
  }
}

/** Puts into a new cluster what its bootstrap and its addons would have put there. */
export async function furnish(plan: LabPlan, record: LabRecord, kubectl: Kubectl): Promise<void> {
  const binaries = await inspectBinaries(record.shared.kubernetes);
  const objects = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: workloads(binaries) });
  const apply = async (): Promise<true> => {
    await kubectl.run(['apply', '-f', '-'], { input: objects });
    return true;
  };
  // The first seconds of an API server know neither all groups nor the rights of its administrators.
  await Promise.all([
    waitFor({ what: `lab ${plan.name}: workloads applied`, seconds: 120, everyMs: 1000 }, apply),
    shareProxyCertificates(plan),
    labelNodes(plan, kubectl),
  ]);
}

async function labelNodes(plan: LabPlan, kubectl: Kubectl): Promise<void> {
  for (const node of plan.nodes) {
    const what = `node ${node.name}: registered and labelled`;
    await waitFor({ what, seconds: 180, everyMs: 1000 }, async () => {
      await kubectl.run(['label', '--overwrite', 'node', node.name, ...roleLabels(node)]);
      return true as const;
    });
  }
}

/** The front proxy's PEMs in etcd, from where a new master takes them; each value begins with a space. */
async function shareProxyCertificates(plan: LabPlan): Promise<void> {
  const [first] = mastersOf(plan);
  if (first === undefined) return;
  const cgroups = await LabCgroups.ofHost(plan.name);
  const what = `node ${first.name}: front-proxy certificates in etcd`;
  await waitFor({ what, seconds: 60, everyMs: 1000 }, async () => {
    await inNode(plan, cgroups, first, ['sh', '-c', shareScript]);
    return true as const;
  });
}

/** Values go through stdin: a key must not be seen in the list of processes. */
const shareScript = `set -eu
cd /etc/kubernetes/certs
export ETCDCTL_API=3
put() {
  { printf ' '; cat "$2"; } | etcdctl --endpoints=https://127.0.0.1:2379 --cacert=ca.crt \\
    --cert=etcdclient.crt --key=etcdclient.key put "/proxycerts/$1" >/dev/null
}
put requestheader-client-ca-file proxy-ca.crt
put proxy-client-cert-file proxy.crt
put proxy-client-key-file proxy.key
`;

/**
 * Resolves when all nodes are Ready, all pods too, and the aggregated API answers; five minutes at most.
 * @param boots nodes of which the API may still say what was true before they were booted
 */
export async function waitForHealth(
  plan: LabPlan,
  kubectl: Kubectl,
  task: Task,
  boots?: Boots,
): Promise<void> {
  const masters = mastersOf(plan).length;
  const agents = plan.nodes.length - masters;
  const expected = { nodes: masters + agents, pods: expectedPods(masters, agents) };
  await waitUntil({ what: `lab ${plan.name}: a healthy cluster`, seconds: 300, everyMs: 1000 }, async () => {
    const wrong = ailments(await clusterHealth(kubectl, boots), expected);
    task.update(wrong[0] ?? '');
    if (wrong.length > 0) throw new Error(wrong.join('; '));
    await kubectl.run(['get', '--raw', '/apis/lab.keyroll.dev/v1alpha1/pings']);
    return true;
  });
}
