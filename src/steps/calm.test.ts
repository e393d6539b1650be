import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import { StopRequest, StoppedError } from '../execute/stop.js';
import { calmness, feltMs, serverFeltMs } from './calm.js';

/** An API server that answers as `answers` say (ms, or an error), one read after another, then at once. */
function around(answers: (number | string)[]) {
  const notes: string[] = [];
  const stop = new StopRequest();
  let reads = 0;
  let time = 0;
  const read = (): Promise<void> => {
    const answer = answers[reads++] ?? 0;
    if (typeof answer === 'string') return Promise.reject(new Error(answer));
    time += answer;
    return Promise.resolve();
  };
  return {
    ...{ notes, stop },
    reads: () => reads,
    passes: (ms: number) => (time += ms),
    calm: calmness({ read, stop, note: (text) => notes.push(text), now: () => time }),
  };
}

describe('the wait before a disturbance', () => {
  it('is three quick reads where the API answers', async () => {
    const { calm, reads, notes } = around([]);
    await calm(30);
    expect([reads(), notes]).toEqual([3, []]);
  });

  it('lasts until three in a row are quick, and an error is not', async () => {
    const { calm, reads } = around([0, 400, 'server is busy']);
    await calm(30);
    expect(reads()).toBe(6);
  });

  it('takes for quick what the way to the API allows', async () => {
    const { calm, reads } = around([400, 500, 450, 420]);
    await calm(30);
    expect(reads()).toBe(4);
  });

  it('ends after half a minute, and says what it saw', async () => {
    const { calm, notes } = around([400, 0, 29_000, 0, 2000]);
    await calm(30);
    expect(notes).toEqual(['the API is still slow after 31 s (a read took 2000 ms): going on']);
  });

  it('comes one after another, so that no two disturbances begin on the same look', async () => {
    const { calm, reads } = around([]);
    const seen: number[] = [];
    await Promise.all([calm(30), calm(30), calm(30)].map((wait) => wait.then(() => seen.push(reads()))));
    expect(seen).toEqual([3, 6, 9]);
  });

  it('lasts as long as the last disturbance is felt, by its own word, or a part of it where all answers are prompt', async () => {
    const { calm, reads, passes, stop } = around([0, 0, 0, 0, 0, 0, 100]);
    await calm(50_000);
    passes(20_000);
    await calm(50_000);
    expect(reads()).toBe(6);
    passes(20_000);
    const third = vi.fn();
    const waiting = calm(1).then(third);
    await sleep(200);
    expect([reads(), third.mock.calls]).toEqual([7, []]);
    stop.request('Ctrl-C');
    await expect(waiting).rejects.toThrow(StoppedError);
  });

  it('ends at once when a stop is asked for', async () => {
    const { calm, stop } = around(Array.from({ length: 1000 }, () => 'no answer'));
    const waiting = calm(30);
    stop.request('Ctrl-C');
    await expect(waiting).rejects.toThrow(StoppedError);
  });

  it('is made before servers, kubelets and leaders go, and before nothing else', () => {
    expect(feltMs({ kind: 'restart-apiserver' })).toBe(serverFeltMs);
    expect(feltMs({ kind: 'await-ready' })).toBeUndefined();
  });
});
