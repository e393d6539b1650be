import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import type { JournalRecord } from '../../src/execute/journal.js';
import { secondPort } from '../../src/plan/second.js';
import { failuresIn, type Report } from '../../src/report/report.js';
import { labSuite } from '../lab/lab-suite.js';
import { runKeyroll } from '../lab/run/keyroll.js';
import { say } from '../lab/say.js';
import { bringUp, type TestLab } from '../lab/test-lab.js';

/** One rotation: how it ended, its report and its journal. */
async function rotated(
  lab: TestLab,
): Promise<{ code: number; stdout: string; stderr: string; report: Report; journal: JournalRecord[] }> {
  const folder = await mkdtemp(join(tmpdir(), 'keyroll-lab-test-'));
  try {
    const file = join(folder, 'report.json');
    const ended = await runKeyroll(lab, ['rotate-certs', '--report', file]);
    const report = JSON.parse(await readFile(file, 'utf8')) as Report;
    for (const [name, { requests, failed, resent, longestLatencyMs }] of Object.entries(report.probe))
      say(
        `${name}: ${requests} requests, ${failed} failed, ${resent} resent, ${longestLatencyMs} ms at most`,
      );
    const journal = await readFile(
      join(lab.clusterDir, '_keyroll', report.rotation, 'journal.jsonl'),
      'utf8',
    );
    const records = journal.split('\n').filter(Boolean);
    return { ...ended, report, journal: records.map((line) => JSON.parse(line) as JournalRecord) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

labSuite('lab: a cluster with one master', () => {
  let lab: TestLab;
  const onMaster = (script: string): Promise<string> => lab.onNode(lab.masters[0]?.name ?? '', script);
  beforeAll(async () => {
    lab = await bringUp({ masters: 1, agents: 2 });
  });

  it('is rotated without a failed request', { timeout: 1_800_000 }, async () => {
    const { code, stderr, report } = await rotated(lab);
    const failures = Object.values(report.probe).flatMap((stats) => stats.failures);
    for (const { error, latencyMs } of failures.slice(0, 5)) say(`  ${latencyMs} ms: ${error}`);
    expect(code, stderr).toBe(0);
    expect(failuresIn(report.probe)).toBe(0);
    expect(
      Math.max(...Object.values(report.probe).map(({ longestLatencyMs }) => longestLatencyMs)),
    ).toBeLessThan(5_000);
    expect(await onMaster('ls /etc/kubernetes/manifests')).not.toContain('second');
  });

  it(
    'states the gap where a second kube-apiserver has no room, and keeps to it',
    { timeout: 1_800_000 },
    async () => {
      await onMaster(`systemd-run -q --unit=holds-the-port python3 -m http.server ${secondPort}`);
      try {
        const { stdout, report, journal } = await rotated(lab);
        expect(stdout).toContain('nobody answers while kube-apiserver restarts');
        expect(report.outcome).toBe('rotated');
        const gaps = report.gaps.map(({ seconds }) => seconds);
        say(`gaps: ${gaps.join(', ')} s, ${gaps.reduce((sum, each) => sum + each, 0).toFixed(1)} s in all`);
        expect(gaps).toHaveLength(3);
        // Nothing fails but what was sent while the master restarted, or just before it.
        const steps = journal.filter(({ id }) => /^\w+\/apiserver\//.test(id));
        const during = ({ at, latencyMs }: { at: string; latencyMs: number }): boolean =>
          steps.some(
            ({ type, id, at: begun }) =>
              type === 'intent' &&
              Date.parse(at) + latencyMs >= Date.parse(begun) &&
              steps.some((end) => end.type === 'done' && end.id === id && at <= end.at),
          );
        const failures = Object.values(report.probe).flatMap((stats) => stats.failures);
        expect(failures.filter((failure) => !during(failure))).toEqual([]);
        expect(report.probe['write']?.lost).toBe(0);
      } finally {
        await onMaster('systemctl stop holds-the-port');
      }
    },
  );
});
