import { beforeEach, describe, expect, it, vi } from 'vitest';
import { RemoteError } from '../adapters/ssh/error.js';
import { aksEngineLinux as layout } from '../layouts/aks-engine-linux.js';
import { Materials } from '../model/materials.js';
import type { StepOf } from '../model/plan.js';
import type { StepContext } from './context.js';
import { rebootMaster } from './reboot-master.js';

// Pauses pass at once, and so does the time in which they would be.
let now = 0;
vi.mock('node:timers/promises', () => ({
  setTimeout: (ms: number) => {
    now += ms;
    return Promise.resolve();
  },
}));
beforeEach(() => {
  now = Date.parse('2026-01-31');
  vi.spyOn(Date, 'now').mockImplementation(() => now);
});

const step = {
  id: 'trust/apiserver/m0',
  title: 'm0',
  kind: 'reboot-master',
  node: 'm0',
  swap: {
    ...{ program: 'kube-apiserver', old: ['a.yaml'], new: 'b.yaml', mode: '644', owner: 'root:root' },
    ...{ text: 'new', arguments: ['--a'] },
  },
  before: [{ path: '/x', mode: '644', owner: 'root:root', content: { text: 'before' } }],
  files: [],
} as unknown as StepOf<'reboot-master'>;

const away = new RemoteError('unreachable', 'node m0: SSH cannot be reached', { node: 'm0' });
type Answers = Readonly<Record<string, (string | Error)[]>>;

/** Three masters whose scripts answer so, one after another (the last answer again and again); etcd is led by m1. */
function world(answers: Answers, restart: () => Promise<void> = () => Promise.resolve()) {
  const calls: string[] = [];
  const notes: string[] = [];
  const queues = new Map(Object.entries(answers).map(([script, list]) => [script, [...list]]));
  let beats = 0;
  const run = (script: string, args: readonly string[] = []): Promise<{ stdout: string }> => {
    if (script === 'etcd') return Promise.resolve({ stdout: etcdStatus });
    calls.push([script, ...args.filter((arg) => arg === 'cancel' || arg.startsWith('probe='))].join(' '));
    const queue = queues.get(script) ?? [];
    const answer = (queue.length > 1 ? queue.shift() : queue[0]) ?? '';
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve({ stdout: `${answer}\n` });
  };
  const context = {
    rotation: 'r',
    layout,
    materials: new Materials(new Map()),
    balancerProbe: '192.0.2.9',
    serviceIp: '10.1.0.1',
    etcdEndpoints: new Map([0, 1, 2].map((index) => [`m${index}`, `https://10.0.0.${index}:2379`])),
    nodes: () =>
      [0, 1, 2].map((index) => ({
        name: `m${index}`,
        address: `10.0.0.${index}`,
        role: 'master',
        os: 'linux',
      })),
    note: (text: string) => notes.push(text),
    shell: () => ({ run }),
    restartMachine: (node: string) => {
      calls.push(`RESTART ${node}`);
      return restart();
    },
    kube: () => ({
      get: () =>
        Promise.resolve({
          status: {
            conditions: [
              {
                type: 'Ready',
                status: 'True',
                lastHeartbeatTime: new Date(1_700_000_000_000 + beats++ * 1000 - 2000).toISOString(),
              },
            ],
          },
        }),
    }),
  } as unknown as StepContext;
  return { calls, notes, context };
}

const etcdStatus = [0, 1, 2]
  .map((index) => `https://10.0.0.${index}:2379, ${index + 1}, 3.3.25, 20 MB, ${index === 1}, 2, 99`)
  .join('\n');

describe('a master’s reboot', () => {
  it('is asked for when the node has left service, and ends when it serves again', async () => {
    const { calls, context } = world({
      'reboot-status': ['waiting 1', away, 'waiting 2', 'returned 0'],
      'start-reboot': ['parted 1'],
      'reboot-log': ['1700000000000 parted'],
    });
    expect(await rebootMaster(step, context)).toMatchObject({
      node: 'm0',
      process: 'kube-apiserver',
      processes: ['machine', 'kubelet'],
      log: ['1700000000000 parted'],
    });
    expect(calls).toEqual([
      ...['reboot-status', 'install-files', 'install-files', 'start-reboot probe=192.0.2.9', 'RESTART m0'],
      ...['reboot-status', 'reboot-status', 'reboot-status', 'reboot-log'],
    ]);
  });

  it('is not asked for again when it has come already', async () => {
    const { calls, context } = world({ 'reboot-status': ['returned 0'], 'start-reboot': ['returned'] });
    await rebootMaster(step, context);
    expect(calls).not.toContain('RESTART m0');
  });

  it('is called off when Azure refuses it, with Azure’s own words', async () => {
    const { calls, context } = world({ 'reboot-status': ['waiting 1'], 'start-reboot': ['parted 1'] }, () =>
      Promise.reject(new Error('status 403')),
    );
    await expect(rebootMaster(step, context)).rejects.toThrow('status 403');
    expect(calls.at(-1)).toBe('reboot-status cancel');
  });

  it('goes on when only the word of it was lost', async () => {
    const { notes, context } = world(
      { 'reboot-status': ['waiting 1', away, 'waiting 2', 'returned 0'], 'start-reboot': ['parted 1'] },
      () => Promise.reject(new Error('no answer')),
    );
    await rebootMaster(step, context);
    expect(notes).toEqual(["node m0: its restart went on although Azure's API said: Error: no answer"]);
  });

  it('fails with the place of its log when the node did not come back as it should', async () => {
    const { context } = world({ 'reboot-status': ['waiting 1', 'returned 1'], 'start-reboot': ['parted 1'] });
    await expect(rebootMaster(step, context)).rejects.toThrow(
      'node m0: it did not come back into service as it should (returned 1); see /var/lib/keyroll/steps/r-trust-apiserver-m0/log there',
    );
  });

  it('is called off when the machine is never seen to boot', async () => {
    const { calls, context } = world({ 'reboot-status': ['waiting 1'], 'start-reboot': ['parted 1'] });
    await expect(rebootMaster(step, context)).rejects.toThrow(
      'node m0: not back 25 min after its restart was asked for',
    );
    expect(calls.at(-1)).toBe('reboot-status cancel');
  });
});
