import type { ClusterNode } from '../model/cluster.js';
import { step, type Flow, type Phase } from '../model/plan.js';
import { backPresentBarrier } from './back-barriers.js';
import { controllerManagerKubeconfig, followersFirst } from './controller-managers.js';
import {
  backOf,
  credentialsOn,
  leaderLast,
  mastersOf,
  original,
  originalPair,
  ownFile,
  type Facts,
} from './facts.js';
import { apiServerBack, controllerManagerBack } from './swaps.js';
import { ownFiles } from './trust.js';
import { second } from './second.js';

/**
 * The way back from present: every server and every client shows its old leaf with the bridge back (the old CA, signed by
 * the new one), so that whoever trusts one side alone accepts it. Every kube-apiserver trusts both sides since trust.
 *
 * 1. etcd's leaves and those of its clients, hot;
 * 2. for one master after another, drained: serving, client, admin and front-proxy leaves, and kube-apiserver signs with
 *    the old key again;
 * 3. /proxycerts in etcd and the admin's kubeconfigs are as they were;
 * 4. kube-controller-manager signs with the old keys and hands out the old CA alone, followers first; also where the
 *    rotation had not reached it: one that restarted by itself meanwhile read the new key from `apiserver.key`;
 * 5. every kube-root-ca.crt and every token Secret holds it (observed).
 *
 * What the rotation had not reached is left out.
 */
export function planBackPresent(facts: Facts): Phase {
  const { leaves, signed } = backOf(facts);
  const nodes = mastersOf(facts);
  return {
    name: 'back-present',
    flow: {
      sequence: [
        ...(leaves ? [{ parallel: nodes.map((node) => etcdLeaves(facts, node)) }] : []),
        ...(signed
          ? [
              ...leaderLast(facts).map((node) => restart(facts, node)),
              ...oldEntries(facts),
              ...handOutOld(facts),
            ]
          : []),
      ],
    },
    barrier: backPresentBarrier(facts),
  };
}

const ofEtcd = /^etcd/;

function etcdLeaves(facts: Facts, node: ClusterNode): Flow {
  const specs = credentialsOn(facts, node).filter((spec) => ofEtcd.test(spec.name));
  return step({
    id: `back-present/etcd/${node.name}`,
    kind: 'install-files',
    title: `${node.name}: etcd and its clients show old leaf and bridge back`,
    node: node.name,
    files: specs.flatMap((spec) => originalPair(facts, node, spec, true)),
  });
}

function restart(facts: Facts, node: ClusterNode): Flow {
  const specs = credentialsOn(facts, node).filter(
    (spec) => !ofEtcd.test(spec.name) && spec.signer !== 'itself',
  );
  return step({
    id: `back-present/apiserver/${node.name}`,
    kind: 'restart-apiserver',
    title: `${node.name}: kube-apiserver serves the old leaf and signs tokens with the old key`,
    node: node.name,
    swap: apiServerBack(facts, node),
    ...second(facts, node, apiServerBack(facts, node)),
    before: ownFiles(facts),
    files: specs.flatMap((spec) => originalPair(facts, node, spec, true)),
    etcd: false,
  });
}

/** What the new side had written into etcd, onto the masters and beside the API model. */
function oldEntries(facts: Facts): Flow[] {
  const [first] = mastersOf(facts);
  const kubeconfig = facts.layout.adminKubeconfig(facts.adminUsername);
  return [
    step({
      id: 'back-present/proxycerts',
      kind: 'put-proxy-certs',
      title: 'etcd holds the old front proxy for masters to come',
      node: first?.name ?? '',
      authority: 'old-proxycerts-ca',
      certificate: 'old-proxycerts-certificate',
      key: 'old-proxycerts-key',
    }),
    step({
      id: 'back-present/kubeconfig',
      kind: 'remove-kubeconfig',
      title: 'the new admin kubeconfig goes',
    }),
    {
      parallel: mastersOf(facts).map((node) =>
        step({
          id: `back-present/admin-kubeconfig/${node.name}`,
          kind: 'install-files',
          title: `${node.name}: the admin's kubeconfig is the old one`,
          node: node.name,
          files: original(facts, node.name, kubeconfig),
        }),
      ),
    },
  ];
}

function handOutOld(facts: Facts): Flow[] {
  return [
    ...followersFirst(facts, (node) => swapControllerManager(facts, node)),
    step({
      id: 'back-present/root-ca',
      kind: 'await-root-ca',
      title: 'every namespace and token Secret holds the old CA',
      authority: 'old-ca.crt',
    }),
  ];
}

function swapControllerManager(facts: Facts, node: ClusterNode): Flow {
  const { health, lease } = facts.layout.controllerManager;
  return step({
    id: `back-present/controller-manager/${node.name}`,
    kind: 'swap-pod',
    title: `${node.name}: kube-controller-manager signs with the old keys`,
    node: node.name,
    swap: controllerManagerBack(facts, node),
    files: [
      ownFile(facts, 'ca-old.crt', 'old-ca.crt'),
      ownFile(facts, 'ca-old.key', 'old-ca.key'),
      controllerManagerKubeconfig(facts, node, 'old'),
    ],
    health,
    lease,
  });
}
