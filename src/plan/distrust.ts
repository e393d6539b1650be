import type { ClusterNode } from '../model/cluster.js';
import { step, type Flow, type Phase, type PlannedFile } from '../model/plan.js';
import { distrustBarrier } from './barriers.js';
import { releaseNodes, removeOwn } from './prepare.js';
import { credentialsOn, leaderLast, pairFiles, replaced, type Facts } from './facts.js';
import { apiServerOriginal, controllerManagerOriginal } from './swaps.js';
import { second } from './second.js';

/**
 * distrust: nothing accepts the old side any more. The point of no return.
 *
 * 1. for one master after another, drained, etcd's leader last: etcd restarts with the new CA, kube-apiserver starts
 *    from the manifest of the start; its serving leaf loses the bridge, since every client of the API was refreshed;
 *    then ca.key becomes the new key and kube-controller-manager goes back to its own manifest, while the next master's
 *    turn comes. Before the last one leadership of etcd moves, behind a pause, to a member that has been restarted;
 * 2. now that no process trusts the old CA alone, the bridge leaves the other leaves, hot;
 * 3. etcd's /proxycerts and `extension-apiserver-authentication` keep the new CAs alone; old token Secrets go;
 * 4. keyroll's own files leave the masters, and its boot unit all nodes.
 */
export function planDistrust(facts: Facts): Phase {
  const nodes = leaderLast(facts);
  const first = nodes[0];
  if (!first) throw new Error('the cluster has no master');
  return {
    name: 'distrust',
    flow: {
      sequence: [
        ...masterByMaster(facts, nodes),
        { parallel: nodes.map((node) => dropBridge(facts, node)) },
        step({
          id: 'distrust/proxycerts',
          kind: 'put-proxy-certs',
          title: 'etcd holds the new front-proxy CA alone',
          authority: 'proxy-ca.crt',
          certificate: 'proxy.crt',
          key: 'proxy.key',
          node: first.name,
        }),
        step({
          id: 'distrust/authentication',
          kind: 'clean-authentication-config',
          title: 'extension-apiserver-authentication holds the new CAs alone',
          ca: 'ca.crt',
          proxyCa: 'proxy-ca.crt',
        }),
        step({ id: 'distrust/legacy-tokens', kind: 'retire-legacy-tokens', title: 'old token Secrets go' }),
        { parallel: nodes.map((node) => removeOwn(facts, 'distrust', node)) },
        releaseNodes(facts, 'distrust'),
      ],
    },
    barrier: distrustBarrier(facts),
  };
}

/** Each master's restart; beside it the controller manager of the one before, on which no request depends. */
function masterByMaster(facts: Facts, nodes: readonly ClusterNode[]): Flow[] {
  const turns = nodes.map((node, index): Flow => {
    const previous = nodes[index - 1];
    const isLast = index > 0 && index === nodes.length - 1;
    const turn = { sequence: [...(isLast ? [moveLeader(nodes)] : []), restart(facts, node)] };
    return previous ? { parallel: [swapBack(facts, previous), turn] } : turn;
  });
  return [...turns, ...nodes.slice(-1).map((node) => swapBack(facts, node))];
}

function moveLeader(nodes: readonly ClusterNode[]): Flow {
  const [to] = nodes;
  const last = nodes.at(-1);
  if (!to || !last) throw new Error('leadership needs two masters to move');
  return step({
    id: 'distrust/move-leader',
    kind: 'move-leader',
    title: `etcd's leadership moves to ${to.name} behind a pause on all masters`,
    away: [last.name],
    to: to.name,
  });
}

const stayBridged = /^(etcd|client$|kubectlClient$)/;

function restart(facts: Facts, node: ClusterNode): Flow {
  const serving = credentialsOn(facts, node).filter((spec) => spec.name === 'apiserver');
  return step({
    id: `distrust/apiserver/${node.name}`,
    kind: 'restart-apiserver',
    title: `${node.name}: etcd and kube-apiserver accept the new side alone`,
    node: node.name,
    swap: apiServerOriginal(facts, node),
    ...second(facts, node, apiServerOriginal(facts, node)),
    before: [],
    files: [
      replaced(facts, node.name, facts.layout.frontProxyCa, 'proxy-ca.crt'),
      ...serving.flatMap((spec) => pairFiles(facts, node, spec, facts.leaveBridge)),
    ],
    etcd: true,
  });
}

function swapBack(facts: Facts, node: ClusterNode): Flow {
  const { health, lease } = facts.layout.controllerManager;
  return step({
    id: `distrust/controller-manager/${node.name}`,
    kind: 'swap-pod',
    title: `${node.name}: kube-controller-manager back on its own manifest, with the new ca.key`,
    node: node.name,
    swap: controllerManagerOriginal(facts, node),
    files: [caKey(facts)],
    health,
    lease,
  });
}

function caKey(facts: Facts): PlannedFile {
  return { path: facts.layout.caKey, mode: '600', owner: 'root:root', content: { material: 'ca.key' } };
}

function dropBridge(facts: Facts, node: ClusterNode): Flow {
  const specs = credentialsOn(facts, node).filter((spec) => stayBridged.test(spec.name));
  return step({
    id: `distrust/bridge/${node.name}`,
    kind: 'install-files',
    title: `${node.name}: the bridge leaves`,
    node: node.name,
    files: specs.flatMap((spec) => pairFiles(facts, node, spec, false)),
  });
}
