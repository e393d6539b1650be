import { it } from 'vitest';
import type { ContractCluster, Fact } from './cluster.js';
import { apiserverFacts } from './facts/apiserver.js';
import { controllerFacts } from './facts/controllers.js';
import { etcdFacts } from './facts/etcd.js';
import { kubeletFacts } from './facts/kubelet.js';
import { mistakeFacts } from './facts/mistakes.js';

const facts: readonly Fact[] = [
  ...apiserverFacts,
  ...controllerFacts,
  ...kubeletFacts,
  ...etcdFacts,
  ...mistakeFacts,
];

/** Holds a cluster to the facts that settle so fast, one after another. */
export function itKeeps(settles: readonly Fact['settles'][], cluster: () => ContractCluster): void {
  for (const fact of facts.filter((each) => settles.includes(each.settles)))
    it(fact.title, { timeout: fact.settles === 'quick' ? 180_000 : 600_000 }, () => fact.check(cluster()));
}
