import type { ClusterNode } from '../model/cluster.js';
import { step, type Flow, type Phase } from '../model/plan.js';
import { presentBarrier } from './barriers.js';
import {
  credentialsOn,
  etcdCredential,
  leaderLast,
  mastersOf,
  pairFiles,
  replaced,
  type Facts,
} from './facts.js';
import { controllerManagerKubeconfig, followersFirst } from './controller-managers.js';
import { apiServerPresent, controllerManagerPresent } from './swaps.js';
import { second } from './second.js';

/**
 * present: every server and every control-plane client shows a new leaf with the bridge.
 *
 * 1. etcd's leaves and those of its clients change on all masters, hot: whoever trusts the old CA accepts the bridge;
 * 2. every aggregated API server names both front-proxy CAs (observed);
 * 3. for one master after another, etcd's leader last, drained: serving, client, admin and front-proxy leaves change while no API server
 *    runs there, and kube-apiserver starts signing tokens with the new key;
 * 4. /proxycerts in etcd, from which a new master takes the front proxy, is rewritten;
 * 5. the new admin kubeconfig is written: every master serves the new chain now;
 * 6. kube-controller-manager, followers first, signs with the new keys and hands out the new CA alone;
 * 7. every kube-root-ca.crt and every token Secret holds it (observed).
 */
export function planPresent(facts: Facts): Phase {
  const nodes = mastersOf(facts);
  const first = nodes[0];
  if (!first) throw new Error('the cluster has no master');
  return {
    name: 'present',
    flow: {
      sequence: [
        { parallel: nodes.map((node) => etcdLeaves(facts, node)) },
        step({
          id: 'present/front-proxy-ready',
          kind: 'await-front-proxy',
          title: 'every aggregated API server names both front-proxy CAs',
        }),
        ...leaderLast(facts).map((node) => restart(facts, node)),
        step({
          id: 'present/proxycerts',
          kind: 'put-proxy-certs',
          title: 'etcd holds the new front proxy for masters to come',
          authority: 'proxy-ca.bundle',
          certificate: 'proxy.crt',
          key: 'proxy.key',
          node: first.name,
        }),
        {
          parallel: [
            step({
              id: 'present/kubeconfig',
              kind: 'write-kubeconfig',
              title: 'the new admin kubeconfig is written',
            }),
            ...nodes.map((node) => adminKubeconfig(facts, node)),
          ],
        },
        ...followersFirst(facts, (node) => swapControllerManager(facts, node)),
        step({
          id: 'present/root-ca',
          kind: 'await-root-ca',
          authority: 'ca.crt',
          title: 'every namespace and token Secret holds the new CA',
        }),
      ],
    },
    barrier: presentBarrier(facts),
  };
}

const ofEtcd = /^etcd/;

function etcdLeaves(facts: Facts, node: ClusterNode): Flow {
  const specs = credentialsOn(facts, node).filter((spec) => ofEtcd.test(spec.name));
  etcdCredential(facts, node, '--peer-cert-file');
  return step({
    id: `present/etcd/${node.name}`,
    kind: 'install-files',
    title: `${node.name}: etcd and its clients show new leaf and bridge`,
    node: node.name,
    files: specs.flatMap((spec) => pairFiles(facts, node, spec, true)),
  });
}

function restart(facts: Facts, node: ClusterNode): Flow {
  const specs = credentialsOn(facts, node).filter(
    (spec) => !ofEtcd.test(spec.name) && spec.signer !== 'itself',
  );
  return step({
    id: `present/apiserver/${node.name}`,
    kind: 'restart-apiserver',
    title: `${node.name}: kube-apiserver serves the new chain and signs tokens with the new key`,
    node: node.name,
    swap: apiServerPresent(facts, node),
    ...second(facts, node, apiServerPresent(facts, node)),
    before: [],
    files: specs.flatMap((spec) => pairFiles(facts, node, spec, true)),
    etcd: false,
  });
}

function adminKubeconfig(facts: Facts, node: ClusterNode): Flow {
  return step({
    id: `present/admin-kubeconfig/${node.name}`,
    kind: 'install-files',
    title: `${node.name}: the admin's kubeconfig is new`,
    node: node.name,
    files: [
      replaced(
        facts,
        node.name,
        facts.layout.adminKubeconfig(facts.adminUsername),
        `admin-kubeconfig@${node.name}`,
      ),
    ],
  });
}

function swapControllerManager(facts: Facts, node: ClusterNode): Flow {
  const { health, lease } = facts.layout.controllerManager;
  return step({
    id: `present/controller-manager/${node.name}`,
    kind: 'swap-pod',
    title: `${node.name}: kube-controller-manager signs with the new keys`,
    node: node.name,
    swap: controllerManagerPresent(facts, node),
    files: [controllerManagerKubeconfig(facts, node, 'new')],
    health,
    lease,
  });
}
