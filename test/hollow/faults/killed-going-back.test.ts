import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, describe } from 'vitest';
import { FaultCluster } from './fault-cluster.js';
import type { Place } from './place.js';

/** One place for each kind of step on the way forward before `distrust`, before and after its records by turns. */
const forward: readonly Place[] = [
  { when: 'after', record: '^intent trust/apiserver/' },
  { when: 'before', record: '^done present/apiserver/' },
  { when: 'after', record: '^intent refresh/node/k8s-master' },
];

const back: readonly Place[] = [
  { when: 'after', record: '^rollback ' },
  { when: 'before', record: '^done back-present/controller-manager/' },
  { when: 'after', record: '^intent back-refresh/node/k8s-master' },
  { when: 'after', record: '^intent back-distrust/apiserver/' },
];

let faults: FaultCluster;
/** Three minutes on a small machine; what it shows of the plans `test/unit/recovery` shows in seconds. */
const all = process.env['KEYROLL_TEST_ALL'] !== undefined;

beforeAll(async () => {
  if (!all) return;
  faults = await FaultCluster.start();
}, 180_000);
afterAll(() => (all ? faults.stop() : undefined));

/** A pod that nothing recreates, and that nobody deletes: `refresh` cannot end while it holds the old side. */
async function lonelyPod(): Promise<void> {
  const [namespace, results] = ['apps', { name: 'results', mountPath: '/results' }];
  const container = {
    name: 'caller',
    image: 'hollow/pod:1',
    args: ['client'],
    env: [
      { name: 'NAMESPACE', value: namespace },
      { name: 'CONFIGMAP', value: 'greeting' },
    ],
    volumeMounts: [results],
  };
  await faults.cluster.admin.client.create(`/api/v1/namespaces/${namespace}/pods`, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'lonely', namespace },
    spec: {
      serviceAccountName: 'caller',
      containers: [container],
      volumes: [{ name: 'results', hostPath: { path: '/var/log/callers', type: 'DirectoryOrCreate' } }],
    },
  });
}

/** A file of host keys in which two masters have each other's: the jump host leads to another machine than it was asked for. */
function changedOver(): string {
  const lines = readFileSync(faults.cluster.ssh.knownHosts, 'utf8').split('\n');
  const [, , second = '', third = ''] = lines;
  const key = (line: string): string => line.slice(line.indexOf(' '));
  const swapped = [second.replace(key(second), key(third)), third.replace(key(third), key(second))];
  const file = join(faults.cluster.operatorFolder, 'changed-over');
  writeFileSync(file, [...lines.slice(0, 2), ...swapped, ...lines.slice(4)].join('\n'));
  return file;
}

describe.runIf(all)('a node that answers with the host key of another', () => {
  it('runs nothing, and nothing is changed anywhere', { timeout: 60_000 }, async () => {
    const output = await faults.ends(['rotate-certs', '--known-hosts', changedOver()], 4);
    expect(output).toMatch(/k8s-master-\d+-[12]/);
    expect(faults.changes).toEqual({});
    const reached = faults.cluster.machines.map(({ node }) => existsSync(node.path('/var/lib/keyroll')));
    expect(reached.slice(1, 3)).toEqual([false, false]);
    expect(faults.rotation).toBe('');
  });
});

describe.runIf(all)('a rotation that is killed again and again, fails, and takes itself back', () => {
  it('ends as it began, with no failed request', { timeout: 400_000 }, async () => {
    await lonelyPod();
    await faults.well();
    const flags = ['--rollback-on-failure', '--wait-workloads', '12s'];
    let command = 'rotate-certs';
    for (const place of forward) {
      await faults.killed([command, ...flags], place);
      command = 'resume';
    }
    const [first, ...others] = back;
    if (first) await faults.killed(['resume', ...flags], first);
    // As the run asked for: on the way back too nobody may be left who could hold the other side.
    await faults.cluster.admin.client.delete('/api/v1/namespaces/apps/pods/lonely');
    for (const place of others) await faults.killed(['resume', ...flags], place);
    const output = await faults.ends(['resume', '--wait-workloads', '12s'], 0);
    expect(output).toContain('and is on its way back');
    expect(faults.records).toContain(`finished ${faults.rotation}`);
    expect(faults.changes).toEqual({});
    expect(faults.failures).toEqual([]);
    await faults.well();
  });

  it('has nothing to go on with, or to go back from, afterwards', { timeout: 60_000 }, async () => {
    expect(await faults.ends(['resume'], 3)).toContain('holds no rotation that has begun and not ended');
    expect(await faults.ends(['rollback'], 3)).toContain('holds no rotation that has begun and not ended');
  });
});
