import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { failuresIn, type Report } from '../../src/report/report.js';
import { labSuite } from '../lab/lab-suite.js';
import { runKeyroll } from '../lab/run/keyroll.js';
import { say } from '../lab/say.js';
import { bringUp } from '../lab/test-lab.js';

labSuite('lab: a cluster with one master', () => {
  it('is rotated without a failed request', { timeout: 1_800_000 }, async () => {
    const lab = await bringUp({ masters: 1, agents: 2 });
    const folder = await mkdtemp(join(tmpdir(), 'keyroll-lab-test-'));
    try {
      const file = join(folder, 'report.json');
      const { code, stderr } = await runKeyroll(lab, ['rotate-certs', '--report', file]);
      const report = JSON.parse(await readFile(file, 'utf8')) as Report;
      for (const [name, { requests, failed, resent, longestLatencyMs, failures }] of Object.entries(
        report.probe,
      )) {
        say(
          `${name}: ${requests} requests, ${failed} failed, ${resent} resent, ${longestLatencyMs} ms at most`,
        );
        for (const { error, latencyMs } of failures.slice(0, 5)) say(`  ${latencyMs} ms: ${error}`);
      }
      expect(code, stderr).toBe(0);
      expect(failuresIn(report.probe)).toBe(0);
      expect(
        Math.max(...Object.values(report.probe).map(({ longestLatencyMs }) => longestLatencyMs)),
      ).toBeLessThan(5_000);
      const left = await lab.onNode(lab.masters[0]?.name ?? '', 'ls /etc/kubernetes/manifests');
      expect(left).not.toContain('second');
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});
