import { expect, it } from 'vitest';
import { exitCodes } from '../../../src/cli/exit-codes.js';
import type { JournalRecord } from '../../../src/execute/journal.js';
import type { ClassStats, FailureRecord } from '../../../src/probe/index.js';
import { failuresIn } from '../../../src/report/report.js';
import type { LoadRates } from '../run/load.js';
import type { Rotation } from '../run/rotation.js';
import { say } from '../say.js';

const rate = ({ requests, seconds }: ClassStats): number => requests / Math.max(seconds, 1);

/** Requests a second that were due. What a machine that stood still could not send in time was due too, and is said. */
const due = (stats: ClassStats, { control }: Rotation): number =>
  rate({ ...stats, requests: stats.requests + (control.stalls.length === 0 ? 0 : stats.skipped) });

function figures(name: string, stats: ClassStats): string {
  const { requests, failed, resent, skipped, longestGapMs, longestLatencyMs } = stats;
  const seconds = (ms: number): string => `${(ms / 1000).toFixed(2)} s`;
  return (
    `${name}: ${requests} requests (${rate(stats).toFixed(1)}/s), ${failed} failed, ${resent} resent, ${skipped} skipped, ` +
    `longest gap ${seconds(longestGapMs)}, longest latency ${seconds(longestLatencyMs)}`
  );
}

interface Failure
  extends Pick<FailureRecord, 'at' | 'error' | 'latencyMs'>, Partial<Pick<FailureRecord, 'via'>> {
  /** Its class, or the pod that called. */
  readonly name: string;
}

/** What etcd said so long before or after a failure is told with it. */
const nearMs = 10_000;

/** What the journal had written last before a request was sent. */
function lastRecord(journal: readonly JournalRecord[], at: string): string {
  const last = journal.filter((record) => record.at <= at).at(-1);
  return last === undefined ? 'before the first record' : `after ${last.type} ${last.id}`;
}

/**
 * Failed requests one a line, each with what keyroll was about. As the message of the failed test too: of a run on
 * another machine the end of its log may be all there is.
 */
function expectNone(failures: readonly Failure[], { journal, control, elections }: Rotation): void {
  const lines = failures.map(
    ({ name, at, error, latencyMs, via }) =>
      `${name} ${at} ${error} (${latencyMs} ms) through ${via ?? 'the Service'}, ${lastRecord(journal, at)}`,
  );
  const stalls = control.stalls.map(({ from, to }) => `${new Date(from).toISOString()} for ${to - from} ms`);
  const near = elections.filter((line) =>
    failures.some(({ at }) => Math.abs(Date.parse(`${line.slice(0, 23)}Z`) - Date.parse(at)) < nearMs),
  );
  const besides = [`control: ${stalls.join(', ') || 'never stalled'}`, ...near.slice(0, 15)];
  expect(lines, [...lines, ...besides].join('\n')).toEqual([]);
}

/** A class keeps its first failures only: more than those still count. */
const failuresOf = (classes: Readonly<Record<string, ClassStats>>): Failure[] =>
  Object.entries(classes).flatMap(([name, { failed, failures }]) => {
    const kept = failures.map((failure) => ({ ...failure, name }));
    const more = failed - kept.length;
    return more <= 0 ? kept : [...kept, { name, at: '', latencyMs: 0, error: `${more} more failed` }];
  });

/** The cluster answered all the time: the product's own probe, the load, and the pods. */
export function itWasAvailable(of: () => Rotation): void {
  it('rotates and says so', () => {
    const { code, report, stdout } = of();
    for (const { name, seconds } of report.phases) say(`${name}: ${seconds} s`);
    say(`rotation: ${report.seconds} s, keyroll's peak memory ${report.memoryMb} MB`);
    const expected = failuresIn(report.probe) > 0 ? exitCodes.requestsFailed : exitCodes.ok;
    expect({ outcome: report.outcome, error: report.error, code }).toEqual({
      outcome: 'rotated',
      code: expected,
    });
    expect(report.phases.map(({ name }) => name)).toEqual(['trust', 'present', 'refresh', 'distrust']);
    expect(stdout).toContain('Rotated after');
  });

  it('fails none of the requests of its own probe', () => {
    const seen = of();
    const { probe } = seen.report;
    for (const [name, stats] of Object.entries(probe)) say(figures(name, stats));
    expect(Object.keys(probe).sort()).toEqual(
      expect.arrayContaining([
        ...['fresh-new-trust', 'fresh-old-trust', 'kept-http1', 'kept-http2', 'watch', 'write'],
      ]),
    );
    expectNone(failuresOf(probe), seen);
  });

  it('probes each class at 10 requests a second or more', () => {
    const { report } = of();
    const slow = Object.entries(report.probe).filter(
      ([name, stats]) => name !== 'watch' && due(stats, of()) < 10,
    );
    expect(slow.map(([name, stats]) => `${name}: ${rate(stats).toFixed(1)}/s`)).toEqual([]);
    const { write, watch } = report.probe;
    // Each write is an event of the watch.
    expect(watch?.events).toBeGreaterThanOrEqual(write?.acknowledged ?? 0);
  });

  it('loses no write and misses no event', () => {
    const { write, watch } = of().report.probe;
    say(
      `writes acknowledged ${write?.acknowledged ?? 0}, lost ${write?.lost ?? '?'}; events ${watch?.events ?? 0}`,
    );
    expect({ lost: write?.lost, missed: watch?.missed, error: write?.readBackError }).toEqual({
      lost: 0,
      missed: 0,
    });
  });

  itKeptPodsCalling(of);
}

/** Pods of every node called the API with their own token all the time. */
export function itKeptPodsCalling(of: () => Rotation): void {
  it("never fails a pod's own calls, on any node", () => {
    const seen = of();
    const { pods, lab } = seen;
    for (const { name } of lab.nodes) {
      const own = pods.filter(({ node }) => node === name);
      const sum = own.reduce((total, { ok }) => total + ok, 0);
      say(
        `${name}: ${sum} calls of ${own.length} pods, longest ${Math.max(0, ...own.map((each) => each.longestMs))} ms`,
      );
      expect(sum, `calls of pods on ${name}`).toBeGreaterThan(0);
    }
    expectNone(
      pods.flatMap(({ pod, failures }) => failures.map((failure) => ({ ...failure, name: pod }))),
      seen,
    );
    expect(pods.reduce((total, { failed }) => total + failed, 0)).toBe(0);
  });
}

/** Reads and writes on kept connections, so many a second of each, did not fail either. */
export function itBoreLoad(of: () => Rotation, { reads = 100, writes = 30 }: LoadRates): void {
  const classes = (): Readonly<Record<string, ClassStats>> => of().load?.stats.classes ?? {};

  it('fails no request of the load', () => {
    for (const [name, stats] of Object.entries(classes())) say(figures(name, stats));
    const { requests, failed, longestMs, stalls } = of().control;
    say(
      `control: ${requests} requests, ${failed} failed, longest ${longestMs} ms, ${stalls.length} stalls over 1 s`,
    );
    expectNone(failuresOf(classes()), of());
  });

  it('really sent the load for the whole rotation', () => {
    for (const [name, asked] of Object.entries({ 'load-read': reads, 'load-write': writes })) {
      const stats = classes()[name];
      expect(stats && due(stats, of()), name).toBeGreaterThanOrEqual(0.95 * asked);
      expect(stats?.seconds, name).toBeGreaterThanOrEqual(of().report.seconds - 1);
    }
  });

  it('loses no write of the load', () => {
    const write = classes()['load-write'];
    say(`load: ${write?.acknowledged ?? 0} writes acknowledged`);
    expect({ lost: write?.lost, error: write?.readBackError }).toEqual({ lost: 0 });
  });

  it('let the load use the old kubeconfig until the new one lay ready, and not after distrust began', () => {
    const { load, journal } = of();
    const refreshed = journal.find(({ type, id }) => type === 'phase' && id === 'refresh')?.at ?? '';
    expect(load?.switchedAt).toBeGreaterThan(0);
    expect(load?.switchedAt).toBeLessThan(Date.parse(refreshed));
  });
}
