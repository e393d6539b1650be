import { beforeAll, describe, expect, it } from 'vitest';
import { itBoreLoad, itKeptPodsCalling } from '../lab/assertions/availability.js';
import { itRenewedWhatTheClusterHolds, itReplacedTheFrontProxy } from '../lab/assertions/cluster.js';
import { itReplacedEveryCredential } from '../lab/assertions/credentials.js';
import { itLeftTheNodesAsTheyWere, itRunsAgain } from '../lab/assertions/nodes.js';
import { itLeftNothingOldInUse, itReplacedTheOperatorsFiles } from '../lab/assertions/operator.js';
import { itMovedLeadershipBehindPauses } from '../lab/assertions/trust.js';
import { labSuite } from '../lab/lab-suite.js';
import { rotateLab, type Rotation, type RotationWish } from '../lab/run/rotation.js';
import type { Place } from '../lab/run/keyroll.js';
import { bringUp } from '../lab/test-lab.js';

/** One place for each kind of step, before it, in it or after it, in the order of a rotation. */
const everyKind: readonly Place[] = [
  { type: 'intent', id: /^prepare\/k8s-master/ },
  { type: 'done', id: /^prepare\/keys\// },
  { type: 'intent', id: /^trust\/apiserver\// },
  { type: 'done', id: /^trust\/apiserver\/.*-1$/ },
  { type: 'phase', id: /^trust$/ },
  { type: 'intent', id: /^present\/etcd\// },
  { type: 'intent', id: /^present\/apiserver\/.*-1$/, afterMs: 3500 },
  { type: 'done', id: /^present\/proxycerts$/ },
  { type: 'intent', id: /^present\/controller-manager\// },
  { type: 'intent', id: /^present\/root-ca$/ },
  { type: 'intent', id: /^refresh\/legacy-tokens$/ },
  { type: 'intent', id: /^refresh\/node\/k8s-master/, afterMs: 1500 },
  { type: 'intent', id: /^refresh\/workloads$/, afterMs: 8000 },
  { type: 'intent', id: /^refresh\/node-workloads$/ },
  { type: 'intent', id: /^distrust\/apiserver\//, afterMs: 4000 },
  { type: 'intent', id: /^distrust\/controller-manager\// },
  { type: 'intent', id: /^distrust\/move-leader$/ },
  { type: 'intent', id: /^distrust\/bridge\// },
  { type: 'done', id: /^distrust\/legacy-tokens$/ },
  { type: 'intent', id: /^distrust\/own-files\// },
];

/** Before the point of no return; the way back is killed as well. */
const untilRefresh: readonly Place[] = [
  { type: 'intent', id: /^present\/apiserver\/.*-2$/, afterMs: 3500 },
  { type: 'intent', id: /^refresh\/node\/.*-1$/, afterMs: 1000 },
];

const gentle = { reads: 20, writes: 12 };

function watched(wish: RotationWish): () => Rotation {
  let seen: Rotation | undefined;
  beforeAll(async () => {
    seen = await rotateLab(await bringUp(), wish);
  });
  return () => {
    if (seen === undefined) throw new Error('there was no rotation');
    return seen;
  };
}

labSuite('lab: keyroll is killed', () => {
  describe(`at ${everyKind.length} places of one rotation, then resumed each time`, () => {
    const of = watched({ title: 'killed and resumed', load: gentle, kills: everyKind, args: ['--no-probe'] });
    it('ends rotated', () => {
      const { code, report } = of();
      expect({ code, outcome: report.outcome, error: report.error }).toEqual({ code: 0, outcome: 'rotated' });
    });
    itBoreLoad(of, gentle);
    itKeptPodsCalling(of);
    itReplacedEveryCredential(of);
    itRenewedWhatTheClusterHolds(of);
    itReplacedTheFrontProxy(of);
    itReplacedTheOperatorsFiles(of);
    itLeftTheNodesAsTheyWere(of);
    itRunsAgain(of);
    itMovedLeadershipBehindPauses(of);
    itLeftNothingOldInUse(of);
  });

  describe('in present and in refresh, then taken back', () => {
    const of = watched({
      ...{ title: 'killed and taken back', load: { ...gentle, staysOld: true }, args: ['--no-probe'] },
      ...{ kills: untilRefresh, then: 'rollback' as const },
    });
    it('ends rolled back', () => {
      const { code, report } = of();
      expect({ code, outcome: report.outcome, error: report.error }).toEqual({
        code: 0,
        outcome: 'rolled-back',
      });
    });
    it('has every file, server and token Secret as before', () => {
      const { before, after } = of();
      for (const [node, { files }] of after.nodes)
        expect([...files], node).toEqual([...(before.nodes.get(node)?.files ?? [])]);
      expect(after.servers).toEqual(before.servers);
      expect(after.tokens).toEqual(before.tokens);
      expect({ model: after.model, kubeconfig: after.kubeconfig }).toEqual({
        model: before.model,
        kubeconfig: before.kubeconfig,
      });
    });
    it('lost no request and no write of the load', () => {
      const classes = of().load?.stats.classes ?? {};
      expect(Object.values(classes).map(({ failed, failures }) => ({ failed, failures }))).toEqual(
        Object.keys(classes).map(() => ({ failed: 0, failures: [] })),
      );
      expect(classes['load-write']?.lost).toBe(0);
    });
    itKeptPodsCalling(of);
    itRunsAgain(of);
  });
});
