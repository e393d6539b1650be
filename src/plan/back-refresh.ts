import type { ClusterNode } from '../model/cluster.js';
import { step, type Flow, type Phase } from '../model/plan.js';
import { backRefreshBarrier } from './back-barriers.js';
import { backOf, credentialsOn, original, originalPair, type Facts } from './facts.js';
import { allNodes, readyAfter, restartedPrograms, type NodeRefresh } from './refresh.js';

/**
 * The way back from refresh: whoever was started with the new trust, or with a credential that the new side signed, is
 * started again.
 *
 * 1. ServiceAccounts refer to their old tokens again, where the rotation gave them successors;
 * 2. every node has its old trust and certificates, and its kubelet restarts once: that renews the tokens of its pods too;
 * 3. beside it workloads restart, if pods may have been started with the new CA alone; those that hold their node's
 *    certificates after every node;
 * 4. pods that nothing recreates and that were started meanwhile are waited for.
 *
 * Nothing at all when no kube-apiserver ever signed with the new key.
 */
export function planBackRefresh(facts: Facts): Phase {
  const { signed, handedOut } = backOf(facts);
  return {
    name: 'back-refresh',
    flow: {
      sequence: signed ? [tokens, beside(facts, handedOut), ...(handedOut ? [orphans(facts)] : [])] : [],
    },
    barrier: backRefreshBarrier(facts),
  };
}

const tokens = step({
  id: 'back-refresh/legacy-tokens',
  kind: 'restore-legacy-tokens',
  title: 'ServiceAccounts refer to their old tokens again',
});

function beside(facts: Facts, handedOut: boolean): Flow {
  const nodes = allNodes(facts, (node) => restoreNode(facts, node));
  if (!handedOut) return nodes;
  return {
    parallel: [
      {
        sequence: [
          nodes,
          step({
            id: 'back-refresh/node-workloads',
            kind: 'restart-workloads',
            select: 'node-credentials',
            title: "workloads that hold a node's certificates restart",
          }),
        ],
      },
      step({
        id: 'back-refresh/workloads',
        kind: 'restart-workloads',
        select: 'all-but-node-credentials',
        title: 'workloads restart with the old trust and old tokens',
      }),
    ],
  };
}

function restoreNode(facts: Facts, node: ClusterNode): NodeRefresh {
  const id = `back-refresh/node/${node.name}`;
  const specs = credentialsOn(facts, node).filter(
    (spec) => spec.signer === 'itself' || node.role === 'agent',
  );
  const restart = step({
    id,
    kind: 'refresh-node',
    title: `${node.name}: old trust, kubelet restarts with its old certificates`,
    node: node.name,
    files: [
      ...original(facts, node.name, facts.layout.ca),
      ...specs.flatMap((spec) => originalPair(facts, node, spec, false)),
    ],
    restartPods: restartedPrograms(facts, node),
    side: 'old',
  });
  return { restart, ready: readyAfter(id, node) };
}

function orphans(facts: Facts): Flow {
  const { since } = backOf(facts);
  return step({
    id: 'back-refresh/orphans',
    kind: 'await-orphan-pods',
    title: 'pods that were started with the new trust and that nothing recreates are gone',
    tokensStep: 'back-refresh/legacy-tokens',
    filesStep: 'back-refresh/node-workloads',
    ...(since === undefined ? {} : { from: since }),
  });
}
