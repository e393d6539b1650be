import type { ClusterNode } from '../model/cluster.js';
import { step, type Flow, type Phase } from '../model/plan.js';
import { backDistrustBarrier } from './back-barriers.js';
import { backOf, credentialsOn, leaderLast, original, originalPair, type Facts } from './facts.js';
import { releaseNodes, removeOwn } from './prepare.js';
import { apiServerOriginal, controllerManagerOriginal } from './swaps.js';
import { second } from './second.js';

/**
 * The way back from trust, and its end: nothing accepts the new side any more.
 *
 * 1. for one master after another, drained, etcd's leader last: kube-apiserver starts from the manifest of the start, and
 *    etcd restarts where its memory is not the old CA alone (it was started after refresh); then
 *    kube-controller-manager goes back to its own manifest;
 * 2. now that no process trusts the new CA alone, the bridge back leaves the other leaves, hot;
 * 3. `extension-apiserver-authentication` keeps the old CAs alone; successors of token Secrets go;
 * 4. keyroll's own files leave the masters, and its boot unit all nodes.
 *
 * A master that is as it was at the start is left alone.
 */
export function planBackDistrust(facts: Facts): Phase {
  const { signed, masters } = backOf(facts);
  const nodes = leaderLast(facts);
  return {
    name: 'back-distrust',
    flow: {
      sequence: [
        ...nodes.flatMap((node) => {
          const shows = masters.get(node.name);
          return [
            ...(shows?.apiServerAsBefore === true && shows.etcdAsBefore ? [] : [restart(facts, node)]),
            ...(shows?.controllerManagerAsBefore === true ? [] : [swapBack(facts, node)]),
          ];
        }),
        { parallel: nodes.map((node) => dropBridge(facts, node)) },
        step({
          id: 'back-distrust/authentication',
          kind: 'clean-authentication-config',
          title: 'extension-apiserver-authentication holds the old CAs alone',
          ca: 'old-ca.crt',
          proxyCa: 'old-proxy-ca.crt',
        }),
        ...(signed ? [successorsGo] : []),
        { parallel: nodes.map((node) => removeOwn(facts, 'back-distrust', node)) },
        releaseNodes(facts, 'back-distrust'),
      ],
    },
    barrier: backDistrustBarrier(facts),
  };
}

const successorsGo = step({
  id: 'back-distrust/legacy-tokens',
  kind: 'remove-successor-tokens',
  title: 'token Secrets of the new key go',
});

function restart(facts: Facts, node: ClusterNode): Flow {
  const serving = credentialsOn(facts, node).filter((spec) => spec.name === 'apiserver');
  const etcd = backOf(facts).masters.get(node.name)?.etcdAsBefore === false;
  return step({
    id: `back-distrust/apiserver/${node.name}`,
    kind: 'restart-apiserver',
    title: `${node.name}: ${etcd ? 'etcd and ' : ''}kube-apiserver accept the old side alone`,
    node: node.name,
    swap: apiServerOriginal(facts, node),
    ...second(facts, node, apiServerOriginal(facts, node)),
    before: [],
    files: [
      ...original(facts, node.name, facts.layout.frontProxyCa),
      ...serving.flatMap((spec) => originalPair(facts, node, spec, false)),
    ],
    etcd,
  });
}

function swapBack(facts: Facts, node: ClusterNode): Flow {
  const { health, lease } = facts.layout.controllerManager;
  return step({
    id: `back-distrust/controller-manager/${node.name}`,
    kind: 'swap-pod',
    title: `${node.name}: kube-controller-manager back on its own manifest`,
    node: node.name,
    swap: controllerManagerOriginal(facts, node),
    files: [],
    health,
    lease,
  });
}

/** Every file of this master that the rotation may have touched is as it was. */
function dropBridge(facts: Facts, node: ClusterNode): Flow {
  const { layout } = facts;
  return step({
    id: `back-distrust/files/${node.name}`,
    kind: 'install-files',
    title: `${node.name}: the bridge back leaves`,
    node: node.name,
    files: [
      ...original(facts, node.name, layout.frontProxyCa),
      ...credentialsOn(facts, node).flatMap((spec) => originalPair(facts, node, spec, false)),
    ],
  });
}
