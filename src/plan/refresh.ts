import type { ClusterNode } from '../model/cluster.js';
import { step, type Flow, type Phase } from '../model/plan.js';
import { refreshBarrier } from './barriers.js';
import {
  agentsOf,
  credentialsOn,
  manifestPath,
  mastersOf,
  inventoryOf,
  pairFiles,
  replaced,
  type Facts,
} from './facts.js';

/**
 * refresh: whoever was started with the old trust or an old credential is started again.
 *
 * 1. each ServiceAccount with a legacy token gets a successor, signed by the new key;
 * 2. every node gets the new trust and a new kubelet serving certificate, and its kubelet restarts once and asks for a
 *    new client certificate; on masters the scheduler, the addon manager and the cloud-controller-manager restart too;
 *    pods that hold the node's own certificates (kube-proxy) restart after every node's files are new;
 * 3. beside it all other workloads restart within their own update strategy;
 * 4. pods that nothing recreates are waited for.
 */
export function planRefresh(facts: Facts): Phase {
  return {
    name: 'refresh',
    flow: {
      sequence: [
        step({
          id: 'refresh/legacy-tokens',
          kind: 'renew-legacy-tokens',
          title: 'legacy tokens get successors that the new key signed',
        }),
        {
          parallel: [
            { sequence: [everyNode(facts), nodeWorkloads] },
            step({
              id: 'refresh/workloads',
              kind: 'restart-workloads',
              select: 'all-but-node-credentials',
              title: 'workloads restart with the new trust and new tokens',
            }),
          ],
        },
        step({
          id: 'refresh/orphans',
          kind: 'await-orphan-pods',
          title: 'pods that nothing recreates are gone or newer than the new trust',
          tokensStep: 'refresh/legacy-tokens',
          filesStep: 'refresh/node-workloads',
        }),
      ],
    },
    barrier: refreshBarrier(facts),
  };
}

function everyNode(facts: Facts): Flow {
  const windows = { parallel: (facts.windows ?? []).map(refreshWindowsNode), limit: 5 };
  return { parallel: [allNodes(facts, (node) => refreshNode(facts, node)), windows] };
}

/** kube-proxy and its like, which hold what their node has. */
export const nodeWorkloads = step({
  id: 'refresh/node-workloads',
  kind: 'restart-workloads',
  select: 'node-credentials',
  title: "workloads that hold a node's certificates restart",
});

/** The largest part of the agents that restarts at once, and the most. */
const wave = { part: 0.25, most: 5 };

/** One node's refresh: its kubelet restarts, and is Ready by its next report, up to 10 s later. */
export interface NodeRefresh {
  readonly restart: Flow;
  readonly ready: Flow;
}

/** A node's refresh from its beginning to its end. */
export function whole({ restart, ready }: NodeRefresh): Flow {
  return { sequence: [restart, ready] };
}

/**
 * Masters' kubelets restart one after another, so that never two of etcd's and the API's machines are busy at once; the
 * next one restarts while the last one's report is waited for. Agents beside them in waves of a quarter. All as far as
 * their Services' endpoints allow (the steps see to that themselves).
 */
export function allNodes(facts: Facts, refresh: (node: ClusterNode) => NodeRefresh): Flow {
  const agents = agentsOf(facts);
  const limit = Math.min(wave.most, Math.max(1, Math.floor(agents.length * wave.part)));
  return {
    parallel: [
      overlapping(mastersOf(facts).map(refresh)),
      { parallel: agents.map((node) => whole(refresh(node))), limit },
    ],
  };
}

/** At most two at a time are not Ready: one whose kubelet restarts, and the one before it. */
function overlapping(refreshes: readonly NodeRefresh[]): Flow {
  const turns = refreshes.map(({ restart }, turn) => {
    const before = refreshes[turn - 1];
    return before ? { parallel: [before.ready, restart] } : restart;
  });
  const last = refreshes.at(-1);
  return { sequence: last ? [...turns, last.ready] : turns };
}

/** Waits until a node is Ready by a report of the kubelet that `refresh` restarted. */
export function readyAfter(refresh: string, { name }: ClusterNode): Flow {
  return step({
    id: `${refresh.split('/', 1)[0] ?? ''}/ready/${name}`,
    kind: 'await-ready',
    title: `${name}: is Ready`,
    node: name,
    since: refresh,
    guarded: true,
  });
}

/**
 * What refreshes one Windows agent: its kubeconfig gets the CA and the pair alone, since nothing on an agent shows them to
 * anybody who trusts the old CA alone, and the node's own reset restarts kubelet and kube-proxy.
 */
export function refreshWindowsNode(node: ClusterNode): Flow {
  return step({
    id: `refresh/node/${node.name}`,
    kind: 'refresh-windows-node',
    title: `${node.name}: new trust and kubeconfig, the Windows node is reset`,
    node: node.name,
    ca: 'ca.crt',
    certificate: 'client.crt',
    key: 'client.key',
  });
}

/** Programs of this master that keep the trust they were started with. */
export function restartedPrograms(facts: Facts, node: ClusterNode): string[] {
  if (node.role !== 'master') return [];
  const seen = inventoryOf(facts, node.name).files;
  return facts.layout.restartedPods
    .filter((pod) => seen.has(manifestPath(facts, pod.manifest)))
    .map(({ program }) => program);
}

/** What refreshes one node; also for a node that joined while the phase ran. */
export function refreshNode(facts: Facts, node: ClusterNode): NodeRefresh {
  const id = `refresh/node/${node.name}`;
  const specs = credentialsOn(facts, node).filter(
    (spec) => spec.signer === 'itself' || node.role === 'agent',
  );
  const restart = step({
    id,
    kind: 'refresh-node',
    title: `${node.name}: new trust, kubelet restarts with new certificates`,
    node: node.name,
    files: [
      replaced(facts, node.name, facts.layout.ca, 'ca.crt'),
      ...specs.flatMap((spec) => pairFiles(facts, node, spec, false)),
    ],
    restartPods: restartedPrograms(facts, node),
    side: 'new',
  });
  return { restart, ready: readyAfter(id, node) };
}
