import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { FaultCluster } from './fault-cluster.js';
import type { Place } from './place.js';

/**
 * One place for each kind of step, in the plan's order: before and after what the journal says of its beginning and of
 * its end, by turns. One master is enough for all kinds but the move of etcd's leadership.
 */
const beforePause: readonly Place[] = [
  { when: 'after', record: '^intent prepare/k8s-master' },
  { when: 'before', record: '^done prepare/keys/' },
  { when: 'after', record: '^intent trust/apiserver/' },
  { when: 'before', record: '^phase trust' },
];
const afterPause: readonly Place[] = [
  { when: 'after', record: '^done present/etcd/' },
  { when: 'before', record: '^intent present/front-proxy-ready' },
  { when: 'before', record: '^done present/apiserver/' },
  { when: 'after', record: '^intent present/proxycerts' },
  { when: 'before', record: '^done present/kubeconfig' },
  { when: 'after', record: '^intent present/controller-manager/' },
  { when: 'after', record: '^done present/root-ca' },
  { when: 'after', record: '^intent refresh/legacy-tokens' },
  { when: 'before', record: '^done refresh/node/k8s-master' },
  { when: 'after', record: '^intent refresh/ready/k8s-master' },
  { when: 'before', record: '^done refresh/workloads' },
  { when: 'before', record: '^intent refresh/orphans' },
  { when: 'after', record: '^intent distrust/apiserver/' },
  { when: 'before', record: '^done distrust/bridge/' },
  { when: 'after', record: '^intent distrust/authentication' },
  { when: 'after', record: '^done distrust/legacy-tokens' },
  { when: 'before', record: '^done distrust/own-files/' },
  { when: 'after', record: '^intent distrust/release/' },
  { when: 'before', record: '^finished ' },
];

let faults: FaultCluster;
beforeAll(async () => {
  faults = await FaultCluster.start(1);
}, 180_000);
afterAll(() => faults.stop());

it('nothing begins while a node has a clock two hours off', { timeout: 60_000 }, async () => {
  const [agent] = faults.cluster.machines.filter(({ node }) => !/master/.test(node.name));
  const clock = join(agent?.node.folder ?? '', 'bin', 'date');
  writeFileSync(clock, '#!/bin/sh\nexec /bin/date -d "+2 hours" "$@"\n', { mode: 0o755 });
  try {
    expect(await faults.ends(['rotate-certs'], 3)).toMatch(
      /its clock is 7[12]\d\d s ahead .*--skip-gate clock/,
    );
  } finally {
    rmSync(clock);
  }
  expect(faults.changes).toEqual({});
  expect(faults.records).toEqual(new Set());
});

it(
  'a rotation that is killed in trust, and killed on its way back, ends as it began',
  { timeout: 180_000 },
  async () => {
    await faults.killed(['rotate-certs'], { when: 'before', record: '^done trust/apiserver/' });
    await faults.killed(['rollback'], { when: 'after', record: '^intent back-distrust/apiserver/' });
    expect(await faults.ends(['resume'], 0)).toContain('and is on its way back');
    expect(faults.changes).toEqual({});
    expect(faults.failures).toEqual([]);
    expect(existsSync(join(faults.cluster.operatorFolder, '_rotate_certs_output'))).toBe(false);
  },
);

it('a rotation that is killed once in each kind of step ends all new', { timeout: 400_000 }, async () => {
  faults.begin();
  const command = ['rotate-certs', '--pause-after', 'trust'];
  for (const place of beforePause) await faults.killed(command, place);
  expect(await faults.ends(command, 0)).toMatch(
    /^to go on: keyroll resume .*\nto go back: keyroll rollback /m,
  );
  for (const place of afterPause) await faults.killed(command, place);
  await faults.ends(command, 0);
  expect(faults.records).toContain(`finished ${faults.rotation}`);
  expect(faults.notNew).toEqual([]);
  expect(Object.values(faults.changes).filter((word) => / (changed|came)$/.test(word))).toEqual([]);
  expect(faults.failures).toEqual([]);
  await faults.well();
});
