import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestLab } from '../test-lab.js';

/** What one pod of the lab noted about its own calls of the API in a time. */
export interface PodCalls {
  readonly pod: string;
  readonly node: string;
  readonly ok: number;
  readonly failed: number;
  readonly longestMs: number;
  readonly failures: readonly { at: string; error: string; latencyMs: number }[];
}

interface Line {
  readonly t: number;
  readonly ok?: number;
  readonly failed?: number;
  readonly maxMs?: number;
  readonly error?: string;
}

/** The calls of all pods between two moments (ms since 1970). */
export async function podCalls(lab: TestLab, from: number, to: number): Promise<PodCalls[]> {
  const all: PodCalls[] = [];
  for (const { name: node, results } of lab.nodes) {
    for (const file of await readdir(results)) {
      const calls = summed(await linesOf(join(results, file)), from, to);
      if (calls.ok + calls.failed > 0) all.push({ pod: file.replace('.jsonl', ''), node, ...calls });
    }
  }
  return all;
}

/** A pod that is being ended may have left half a line. */
async function linesOf(file: string): Promise<Line[]> {
  const whole = (await readFile(file, 'utf8')).split('\n').slice(0, -1);
  return whole.map((line) => JSON.parse(line) as Line);
}

function summed(lines: readonly Line[], from: number, to: number): Omit<PodCalls, 'pod' | 'node'> {
  const within = lines.filter(({ t }) => t >= from && t <= to);
  const errors = within.flatMap(({ t, error }) => (error === undefined ? [] : [{ t, error }]));
  const sum = (key: 'ok' | 'failed'): number => within.reduce((total, line) => total + (line[key] ?? 0), 0);
  return {
    ok: sum('ok'),
    // A pod that was killed wrote its failures, but not the second in which they happened.
    failed: Math.max(sum('failed'), errors.length),
    longestMs: Math.max(0, ...within.map(({ maxMs }) => maxMs ?? 0)),
    failures: errors.map(({ t, error }) => ({ at: new Date(t).toISOString(), error, latencyMs: 0 })),
  };
}
