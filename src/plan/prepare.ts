import type { ClusterNode } from '../model/cluster.js';
import { step, type AnyPhaseName, type Flow } from '../model/plan.js';
import { mastersOf, type Facts } from './facts.js';

/**
 * Before the first change: every node gets the unit that completes at boot what a crash cut off, and every master takes a
 * snapshot of its etcd member, unless the cluster is `dead`: then etcd may not answer. Needs no key, so the keys may be
 * made meanwhile.
 */
export function planPreparation(facts: Facts, dead = false): Flow {
  return {
    parallel: facts.nodes.map((node) =>
      step({
        id: `prepare/${node.name}`,
        kind: 'prepare-node',
        title: `${node.name}: is made ready to lose keyroll, its connection or its power`,
        node: node.name,
        master: node.role === 'master',
        ...(dead ? { dead } : {}),
      }),
    ),
    limit: 8,
  };
}

/** Before the first change: every master keeps the rotation's keys and beginning, so that the operator's folder may be lost. */
export function planKeeping(facts: Facts): Flow {
  return {
    parallel: mastersOf(facts).map(({ name }) =>
      step({
        id: `prepare/keys/${name}`,
        kind: 'keep-keys',
        title: `${name}: keeps the new keys until the rotation has ended`,
        node: name,
      }),
    ),
  };
}

/** The unit of the preparation goes: nothing is half done any more. */
export function releaseNodes(facts: Facts, phase: AnyPhaseName): Flow {
  return {
    parallel: facts.nodes.map((node) =>
      step({
        id: `${phase}/release/${node.name}`,
        kind: 'release-node',
        title: `${node.name}: its boot unit goes`,
        node: node.name,
      }),
    ),
    limit: 8,
  };
}

export function removeOwn(facts: Facts, phase: AnyPhaseName, node: ClusterNode): Flow {
  return step({
    id: `${phase}/own-files/${node.name}`,
    kind: 'remove-files',
    title: `${node.name}: keyroll's own files go`,
    node: node.name,
    folders: [facts.layout.own, '/var/lib/keyroll/steps'],
  });
}
