import { expect, it } from 'vitest';

import { mergePodResults } from './pod-results.js';

const start = (t: number) => JSON.stringify({ start: { t, uid: 'u', node: 'n' } });
const second = (t: number, at: number[], more: object = {}) =>
  JSON.stringify({
    t,
    ms: 1000,
    requests: at.length,
    failed: 0,
    resent: 0,
    skipped: 0,
    maxMs: 5,
    stalledMs: 0,
    at,
    ...more,
  });
const file = (...lines: string[]) => `${lines.join('\n')}\n`;

it('measures the gap over both pods of a node', () => {
  const old = file(start(100), second(100, [0, 500]), second(101, [0, 100]));
  const successor = file(start(101), second(101, [700, 900]), second(102, [0, 600, 1000]));
  const merged = mergePodResults({ old, successor });
  expect(merged).toMatchObject({ requests: 9, failed: 0, longestGapMs: 600, longestLatencyMs: 5 });
  expect(merged.longestGapAt).toBe(new Date(101_100).toISOString());
  expect(mergePodResults({ old }).longestGapMs).toBe(900);
});

it('counts a silence at the beginning and, when told the end, at the end', () => {
  const text = file(start(100), second(103, [0, 100]));
  expect(mergePodResults({ a: text }).longestGapMs).toBe(3000);
  expect(mergePodResults({ a: text }, 110_000).longestGapMs).toBe(6900);
  expect(mergePodResults({ a: text }, 106_000).longestGapMs).toBe(3000);
});

it('adds up failures and resent ones, in the order of time', () => {
  const failure = (t: number, error: string) =>
    JSON.stringify({ failure: { t, error, latencyMs: 3, via: 'fresh' } });
  const one = file(
    start(1),
    failure(9, 'late'),
    second(9, [], { requests: 2, failed: 1, resent: 1, maxMs: 70, stalledMs: 300 }),
  );
  const two = file(start(1), failure(3, 'early'));
  const merged = mergePodResults({ one, two });
  expect(merged).toMatchObject({ failed: 2, resent: 1, requests: 2, stalledMs: 300, longestLatencyMs: 70 });
  expect(merged.failures.map(({ error }) => error)).toEqual(['early', 'late']);
});

it('leaves out a last line that was cut off, and refuses any other that is no JSON', () => {
  const text = `${file(start(1), second(1, [5]))}{"t":2,"req`;
  expect(mergePodResults({ a: text }).requests).toBe(1);
  expect(() => mergePodResults({ a: 'junk\n' })).toThrow('a.jsonl, line 1: expected JSON of pod-probe.py');
});

it('is empty without files', () => {
  expect(mergePodResults({})).toMatchObject({ requests: 0, failed: 0, longestGapMs: 0, seconds: 0 });
});
