import type { ClusterNode } from '../model/cluster.js';
import { step, type Flow, type Phase, type PlannedFile } from '../model/plan.js';
import { trustBarrier } from './barriers.js';
import { leaderLast, ownFile, replaced, type Facts } from './facts.js';
import { apiServerTrust } from './swaps.js';
import { second } from './second.js';

/**
 * trust: every kube-apiserver accepts clients and tokens of the old and of the new side.
 *
 * For one master after another, etcd's leader last, drained:
 * 1. keyroll's own files come: both CAs, both service-account keys, the new CA's pair;
 * 2. proxy-ca.crt becomes new + old, in place;
 * 3. kube-apiserver restarts with them.
 *
 * ca.crt stays as it is, so etcd and kube-controller-manager are not touched.
 */
export function planTrust(facts: Facts): Phase {
  return {
    name: 'trust',
    flow: { sequence: leaderLast(facts).map((node) => restart(facts, node)) },
    barrier: trustBarrier(facts),
  };
}

function restart(facts: Facts, node: ClusterNode): Flow {
  return step({
    id: `trust/apiserver/${node.name}`,
    kind: 'restart-apiserver',
    title: `${node.name}: kube-apiserver trusts both CAs and both service-account keys`,
    node: node.name,
    swap: apiServerTrust(facts, node),
    ...second(facts, node, apiServerTrust(facts, node)),
    before: [...ownFiles(facts), replaced(facts, node.name, facts.layout.frontProxyCa, 'proxy-ca.bundle')],
    files: [],
    etcd: false,
  });
}

/** What the swapped manifests point at: both CAs, both service-account keys, and either CA's pair. */
export function ownFiles(facts: Facts): PlannedFile[] {
  return [
    ownFile(facts, 'client-ca.crt', 'ca.bundle'),
    ownFile(facts, 'sa-old.pub', 'sa-old.pub'),
    ownFile(facts, 'sa-new.pub', 'sa-new.pub'),
    ownFile(facts, 'sa-old.key', 'sa-old.key'),
    ownFile(facts, 'sa-new.key', 'sa-new.key'),
    ownFile(facts, 'ca-new.crt', 'ca.crt'),
    ownFile(facts, 'ca-new.key', 'ca.key'),
  ];
}
