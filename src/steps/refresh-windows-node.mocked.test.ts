import { describe, expect, it, vi } from 'vitest';
import { RemoteError } from '../adapters/ssh/error.js';
import { Materials } from '../model/materials.js';
import type { StepOf } from '../model/plan.js';
import type { StepContext } from './context.js';
import { refreshWindowsNode } from './refresh-windows-node.js';

// Pauses pass at once.
vi.mock('node:timers/promises', () => ({ setTimeout: () => Promise.resolve() }));

const step: StepOf<'refresh-windows-node'> = {
  id: 'refresh/node/w',
  title: 'w',
  kind: 'refresh-windows-node',
  node: 'w',
  ca: 'ca.crt',
  certificate: 'client.crt',
  key: 'client.key',
};

const lost = new RemoteError('connection-lost', 'the connection broke', { node: 'w' });

/** A node whose script answers so, one after another; a step context around it. */
function world(answers: Readonly<Record<string, unknown[]>>) {
  const calls: string[] = [];
  const notes: string[] = [];
  let beats = 0;
  const run = (action: string, settings: Readonly<Record<string, string>> = {}): Promise<unknown> => {
    calls.push([action, ...Object.keys(settings)].join(' '));
    const answer = answers[action]?.shift() ?? { state: 'done' };
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
  };
  const context = {
    rotation: 'r',
    materials: new Materials(
      new Map([
        ['ca.crt', 'CA'],
        ['client.crt', 'LEAF'],
        ['client.key', 'KEY'],
      ]),
    ),
    note: (text: string) => notes.push(text),
    guard: { enter: () => Promise.resolve(), leave: () => undefined },
    windows: () => ({ talk: (work: (talk: { run: typeof run }) => Promise<unknown>) => work({ run }) }),
    kube: () => ({
      get: () =>
        Promise.resolve({
          status: { conditions: [{ type: 'Ready', status: 'True', lastHeartbeatTime: String(beats++) }] },
        }),
    }),
  } as unknown as StepContext;
  return { calls, notes, context };
}

describe('a Windows agent', () => {
  it('gets CA and pair, is followed to its end, and cleaned', async () => {
    const { calls, context } = world({ Begin: [{ state: 'running' }] });
    expect(await refreshWindowsNode(step, context)).toEqual({
      node: 'w',
      processes: ['kubelet', 'kube-proxy'],
    });
    expect(calls).toEqual(['Begin rotation ca certificate key', 'Result rotation', 'End rotation']);
  });

  it('is asked again while its network is away, and begun again when its task was cut off', async () => {
    const { calls, notes, context } = world({ Result: [lost, { state: 'stopped', message: '' }] });
    await refreshWindowsNode(step, context);
    expect(calls.map((call) => call.split(' ')[0])).toEqual([
      'Begin',
      'Result',
      'Result',
      'Begin',
      'Result',
      'End',
    ]);
    expect(notes).toEqual(['node w: the reset ended as stopped']);
  });

  it('fails with what the node said, and leaves its task for a look', async () => {
    const failed = { state: 'failed', message: 'kubelet has no new client certificate' };
    const { calls, context } = world({ Result: [failed, failed, failed] });
    await expect(refreshWindowsNode(step, context)).rejects.toThrow(
      'node w: not reset after 3 attempts (failed: kubelet has no new client certificate); see c:\\k\\rotate-certs.log there',
    );
    expect(calls).not.toContain('End rotation');
  });

  it('fails at once when the script cannot be run', async () => {
    const refused = new RemoteError('authentication', 'the login was refused', { node: 'w' });
    const { context } = world({ Begin: [refused] });
    await expect(refreshWindowsNode(step, context)).rejects.toThrow('the login was refused');
  });
});
