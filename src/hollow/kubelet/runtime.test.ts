import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { shortenedTimings, type Process, type Program } from '../contracts.js';
import type { HollowNode } from '../node/node.js';
import type { Pod } from './pod.js';
import { Runtime } from './runtime.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'keyroll-runtime-'));
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
});
afterEach(() => {
  vi.useRealTimers();
  rmSync(folder, { recursive: true });
});

/** A pod with one container, of which the test decides when it ends. */
function started(): { starts: number[]; end: () => Promise<void> } {
  const starts: number[] = [];
  let end: (code: number) => void = () => undefined;
  const start = (): Process => {
    starts.push(Date.now());
    const ended = new Promise<number>((resolve) => (end = resolve));
    return { pid: starts.length, argv: [], startedAt: Date.now(), ended, signal: () => undefined };
  };
  const node = {
    ...{ address: '127.0.0.1', folder, timings: shortenedTimings, podEnvironment: {} },
    ...{ processes: { start }, log: () => undefined },
  } as unknown as HollowNode;
  const spec = { hostNetwork: true, containers: [{ name: 'main', image: 'image', command: ['program'] }] };
  const pod = { metadata: { name: 'pod', uid: 'one' }, spec } as unknown as Pod;
  new Runtime(node, () => ({}) as unknown as Program).start(pod, '127.0.1', new Map());
  return {
    starts,
    end: async () => {
      end(1);
      await vi.advanceTimersByTimeAsync(0);
    },
  };
}

it('starts a container at once when it ends first, then later and later, and forgives one that ran for long', async () => {
  const unit = shortenedTimings.podStartMs;
  const { starts, end } = started();
  const waits: number[] = [];
  /** Ends it after a while, and notes for how long it waits then. */
  const endAfter = async (ms: number): Promise<void> => {
    await vi.advanceTimersByTimeAsync(ms);
    const at = Date.now();
    const before = starts.length;
    await end();
    while (starts.length === before) await vi.advanceTimersToNextTimerAsync();
    waits.push(((starts.at(-1) ?? 0) - at) / unit);
  };
  for (const times of [1, 1, 1, 1, 1, 1, 1, 1, 300, 299, 300]) await endAfter(times * unit);
  expect(waits).toEqual([0, 5, 10, 20, 40, 80, 150, 150, 0, 5, 0]);
});
