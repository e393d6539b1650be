import type { ClusterNode } from '../model/cluster.js';
import { step, type Flow, type Phase, type PlannedFile } from '../model/plan.js';
import { distrustBarrier } from './barriers.js';
import {
  agentsOf,
  credentialsOn,
  etcdFlag,
  fileOf,
  manifestPath,
  mastersOf,
  inventoryOf,
  pairFiles,
  replaced,
  type Facts,
} from './facts.js';
import { releaseNodes, removeOwn } from './prepare.js';
import { nodeWorkloads, refreshNode, refreshWindowsNode, whole } from './refresh.js';
import { manifestNames } from './swaps.js';

/**
 * rescue-masters, over SSH alone: no API server answers, so nothing is kept up.
 *
 * 1. all masters stop: static pods, kubelet, etcd; the data of each stopped member are copied;
 * 2. all their files become new, without a bridge, since nobody is left who would need one;
 * 3. etcd starts on all of them together, and is healthy with its new certificates;
 * 4. kubelets start, and with them the API servers and controller managers, from the manifests of the start.
 */
export function planRescueMasters(facts: Facts): Phase {
  const nodes = mastersOf(facts);
  const all = (flow: (node: ClusterNode) => Flow): Flow => ({ parallel: nodes.map(flow) });
  const wanted = distrustBarrier({ ...facts, leaveBridge: false }).nodes;
  const masters = new Set(nodes.map(({ name }) => name));
  return {
    name: 'rescue-masters',
    flow: {
      sequence: [
        all((node) => stop(facts, node)),
        all((node) => files(facts, node)),
        all(startEtcd),
        all((node) => start(facts, node)),
      ],
    },
    barrier: { phase: 'rescue-masters', nodes: wanted.filter(({ node }) => masters.has(node)) },
  };
}

function stop(facts: Facts, node: ClusterNode): Flow {
  const { apiServer, controllerManager, restartedPods } = facts.layout;
  return step({
    id: `rescue-masters/stop/${node.name}`,
    kind: 'stop-master',
    title: `${node.name}: stops; its etcd member's data are copied`,
    node: node.name,
    manifests: [
      ...[apiServer, controllerManager].flatMap(({ manifest }) => manifestNames(manifest)),
      ...restartedPods.map(({ manifest }) => manifest),
    ],
    programs: [apiServer, controllerManager, ...restartedPods].map(({ program }) => program),
    data: etcdFlag(facts, node, '--data-dir') ?? '/var/lib/etcddisk',
  });
}

/** The kubelet's own files come when it starts. */
function files(facts: Facts, node: ClusterNode): Flow {
  const { ca, caKey, frontProxyCa, adminKubeconfig } = facts.layout;
  const pairs = credentialsOn(facts, node).flatMap((spec) => pairFiles(facts, node, spec, false));
  return step({
    id: `rescue-masters/files/${node.name}`,
    kind: 'install-files',
    title: `${node.name}: all certificates and keys are new`,
    node: node.name,
    files: [
      ...pairs,
      replaced(facts, node.name, ca, 'ca.crt'),
      { path: caKey, mode: '600', owner: 'root:root', content: { material: 'ca.key' } },
      replaced(facts, node.name, frontProxyCa, 'proxy-ca.crt'),
      replaced(facts, node.name, adminKubeconfig(facts.adminUsername), `admin-kubeconfig@${node.name}`),
    ],
  });
}

function startEtcd(node: ClusterNode): Flow {
  return step({
    id: `rescue-masters/etcd/${node.name}`,
    kind: 'start-etcd',
    title: `${node.name}: etcd starts with its new certificates`,
    node: node.name,
  });
}

function start(facts: Facts, node: ClusterNode): Flow {
  return step({
    id: `rescue-masters/start/${node.name}`,
    kind: 'start-master',
    title: `${node.name}: kubelet, API server and controller manager start`,
    node: node.name,
    files: manifests(facts, node),
  });
}

/** Every manifest that left, as it was at the start. */
function manifests(facts: Facts, node: ClusterNode): PlannedFile[] {
  const { apiServer, controllerManager, restartedPods } = facts.layout;
  const seen = inventoryOf(facts, node.name).files;
  return [apiServer, controllerManager, ...restartedPods]
    .map(({ manifest }) => manifestPath(facts, manifest))
    .filter((path) => seen.has(path))
    .map((path) => {
      const { mode, owner, content: text } = fileOf(facts, node.name, path);
      return { path, mode, owner, content: { text } };
    });
}

/**
 * rescue-nodes: the API serves again.
 *
 * 1. what lies in etcd is of the new side: the front proxy for masters to come, every namespace's CA, legacy tokens;
 * 2. agents take the new side, their kubelets restart; workloads restart, those that hold the node's files last;
 * 3. old token Secrets go; what is keyroll's own leaves the nodes.
 */
export function planRescueNodes(facts: Facts): Phase {
  return {
    name: 'rescue-nodes',
    flow: {
      sequence: [
        ...inTheCluster(facts),
        everyNode(facts),
        { parallel: [nodeWorkloads, otherWorkloads] },
        ...oldGoes(facts),
      ],
    },
    barrier: { ...distrustBarrier({ ...facts, leaveBridge: false }), phase: 'rescue-nodes' },
  };
}

function inTheCluster(facts: Facts): Flow[] {
  const first = mastersOf(facts)[0];
  if (!first) throw new Error('the cluster has no master');
  return [
    step({
      id: 'rescue-nodes/proxycerts',
      kind: 'put-proxy-certs',
      title: 'etcd holds the new front proxy for masters to come',
      authority: 'proxy-ca.crt',
      certificate: 'proxy.crt',
      key: 'proxy.key',
      node: first.name,
    }),
    step({
      id: 'rescue-nodes/kubeconfig',
      kind: 'write-kubeconfig',
      title: 'the new admin kubeconfig is written',
    }),
    step({
      id: 'rescue-nodes/root-ca',
      kind: 'await-root-ca',
      authority: 'ca.crt',
      title: 'every namespace and token Secret holds the new CA',
    }),
    // By the name under which the journal keeps the old Secrets for the step that lets them go.
    step({
      id: 'refresh/legacy-tokens',
      kind: 'renew-legacy-tokens',
      title: 'legacy tokens get successors that the new key signed',
    }),
  ];
}

const otherWorkloads = step({
  id: 'refresh/workloads',
  kind: 'restart-workloads',
  select: 'all-but-node-credentials',
  title: 'workloads restart with the new trust and new tokens',
});

function oldGoes(facts: Facts): Flow[] {
  return [
    step({
      id: 'refresh/orphans',
      kind: 'await-orphan-pods',
      title: 'pods that nothing recreates are named',
      tokensStep: 'refresh/legacy-tokens',
      filesStep: 'refresh/node-workloads',
      told: true,
    }),
    step({ id: 'rescue-nodes/legacy-tokens', kind: 'retire-legacy-tokens', title: 'old token Secrets go' }),
    step({
      id: 'rescue-nodes/authentication',
      kind: 'clean-authentication-config',
      title: 'extension-apiserver-authentication holds the new CAs alone',
      ca: 'ca.crt',
      proxyCa: 'proxy-ca.crt',
    }),
    { parallel: mastersOf(facts).map((node) => removeOwn(facts, 'rescue-nodes', node)) },
    releaseNodes(facts, 'rescue-nodes'),
  ];
}

function everyNode(facts: Facts): Flow {
  return {
    parallel: [
      ...mastersOf(facts).map(ready),
      { parallel: agentsOf(facts).map((node) => whole(refreshNode(facts, node))), limit: 5 },
      { parallel: (facts.windows ?? []).map(refreshWindowsNode), limit: 5 },
    ],
  };
}

function ready(node: ClusterNode): Flow {
  return step({
    id: `rescue-nodes/ready/${node.name}`,
    kind: 'await-ready',
    title: `${node.name}: is Ready`,
    node: node.name,
    since: `rescue-masters/start/${node.name}`,
  });
}
