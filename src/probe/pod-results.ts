import type { ClassStats, FailureRecord } from './types.js';

const KEPT_FAILURES = 50;
/** A living pod writes every second, and reading the files takes a moment. */
const SILENCE_MS = 3000;
const tenth = (value: number) => Math.round(value * 10) / 10;
const iso = (ms: number) => new Date(ms).toISOString();

/** What `pod-probe.py` writes each second. `t` in seconds since 1970; it covers `ms` after it; successes `at` ms after it. */
interface SummaryLine {
  readonly t: number;
  readonly ms: number;
  readonly requests: number;
  readonly failed: number;
  readonly resent: number;
  readonly skipped: number;
  readonly maxMs: number;
  readonly stalledMs: number;
  readonly at: readonly number[];
}

interface FailureLine {
  readonly t: number;
  readonly error: string;
  readonly latencyMs: number;
  readonly via: string;
}

type Line =
  | { readonly start: { readonly t: number; readonly uid: string; readonly node: string } }
  | { readonly failure: FailureLine }
  | SummaryLine;

/** The lines of one pod. A last line that was cut off is left out; any other that cannot be read is an error. */
function linesOf(text: string, where: string): Line[] {
  const lines = text.split('\n');
  lines.pop();
  return lines.map((line, i) => {
    try {
      return JSON.parse(line) as Line;
    } catch (error) {
      throw new Error(
        `${where}, line ${i + 1}: expected JSON of pod-probe.py, found "${line.slice(0, 60)}"`,
        {
          cause: error,
        },
      );
    }
  });
}

/** The longest time between two successive moments, in ms since 1970. */
function longestGap(moments: readonly number[]): { ms: number; from: number | undefined } {
  const longest: { ms: number; from: number | undefined } = { ms: 0, from: undefined };
  const sorted = [...moments].sort((a, b) => a - b);
  for (const [i, moment] of sorted.entries()) {
    const before = sorted[i - 1] ?? moment;
    if (moment - before <= longest.ms) continue;
    longest.ms = moment - before;
    longest.from = before;
  }
  return longest;
}

/** Adds up seconds; the longest latency with the second in which it was seen. */
function totals(summaries: readonly SummaryLine[]) {
  const total = {
    requests: 0,
    failed: 0,
    resent: 0,
    skipped: 0,
    stalledMs: 0,
    longestLatencyMs: 0,
    seenAt: 0,
  };
  for (const line of summaries) {
    total.requests += line.requests;
    total.failed += line.failed;
    total.resent += line.resent;
    total.skipped += line.skipped;
    total.stalledMs += line.stalledMs;
    if (line.maxMs <= total.longestLatencyMs) continue;
    total.longestLatencyMs = line.maxMs;
    total.seenAt = line.t * 1000;
  }
  return total;
}

/**
 * The figures of all pods that ran on one node, one after another or side by side, as one class.
 * A gap is one only if no pod of the node had a success in it. `until` (ms since 1970, when the files were read)
 * makes it count as well that no pod has written anything for some time before. `running` is always false.
 * @param texts pod uid → content of its file @throws Error naming the file and line that cannot be read
 */
export function mergePodResults(texts: Readonly<Record<string, string>>, until?: number): ClassStats {
  const lines = Object.entries(texts).flatMap(([uid, text]) => linesOf(text, `${uid}.jsonl`));
  const summaries = lines.filter((line): line is SummaryLine => 'at' in line);
  const failures = lines
    .flatMap((line) => ('failure' in line ? [line.failure] : []))
    .sort((a, b) => a.t - b.t)
    .map(({ t, error, latencyMs, via }): FailureRecord => ({ at: iso(t * 1000), error, latencyMs, via }));
  const starts = lines.flatMap((line) => ('start' in line ? [line.start.t * 1000] : []));
  const begun = starts.length === 0 ? undefined : Math.min(...starts);
  const successes = summaries.flatMap(({ t, at }) => at.map((ms) => t * 1000 + ms));
  const written = Math.max(begun ?? 0, ...summaries.map(({ t, ms }) => t * 1000 + ms));
  const silent = until !== undefined && until - written > SILENCE_MS;
  const ended = silent ? until : written;
  const gap = longestGap(begun === undefined ? [] : [begun, ...successes, ended]);
  const { seenAt, ...total } = totals(summaries);
  // A pod that was killed wrote its failures, but not the second in which they happened.
  const failed = Math.max(total.failed, failures.length);
  return {
    running: false,
    seconds: tenth(begun === undefined ? 0 : Math.max(0, ended - begun) / 1000),
    ...total,
    requests: Math.max(total.requests, failed),
    failed,
    longestGapMs: tenth(gap.ms),
    ...(gap.from === undefined ? {} : { longestGapAt: iso(gap.from) }),
    ...(seenAt === 0 ? {} : { longestLatencyAt: iso(seenAt) }),
    failures: failures.slice(0, KEPT_FAILURES),
  };
}
