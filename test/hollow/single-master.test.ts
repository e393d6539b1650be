import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { shortenedTimings, startCluster, type HollowCluster } from '../../src/hollow/index.js';
import { failuresIn, type Report } from '../../src/report/report.js';
import { keyroll } from './keyroll.js';

describe.runIf(process.env['KEYROLL_TEST_ALL'] !== undefined)('a hollow cluster with one master', () => {
  let cluster: HollowCluster;
  beforeAll(async () => {
    cluster = await startCluster({
      ...{ masters: 1, agents: 2, timings: shortenedTimings, projectedTokens: false },
      keys: { type: 'ec', curve: 'prime256v1' },
      watchdogDelayMs: 5_000,
    });
  }, 180_000);
  afterAll(() => cluster.stop());

  it(
    'is rotated without a failed request, by a second kube-apiserver that is gone in the end',
    {
      timeout: 500_000,
    },
    async () => {
      const file = join(cluster.folder, 'report.json');
      const { code, output } = await keyroll(cluster, ['rotate-certs', '--report', file]);
      expect(code, output).toBe(0);
      const report = JSON.parse(readFileSync(file, 'utf8')) as Report;
      expect(failuresIn(report.probe)).toBe(0);
      const latencies = Object.values(report.probe).map(({ longestLatencyMs }) => longestLatencyMs);
      expect(Math.max(...latencies)).toBeLessThan(5_000);
      expect(report.refused.filter(({ refusedAfter }) => !refusedAfter)).toEqual([]);
      expect(cluster.calls.failed).toBe(0);
      const [master] = cluster.machines;
      const manifests = readdirSync(master?.node.path('/etc/kubernetes/manifests') ?? '');
      expect(manifests.filter((name) => name.includes('second'))).toEqual([]);
      expect(master?.node.network.filter.list('nat').filter((rule) => rule.includes('KEYROLL'))).toEqual([]);
      cluster.admin.reread();
      await cluster.admin.well();
    },
  );

  it(
    'states the gap where a second one has no room, keeps to it, and says how long it was',
    { timeout: 500_000 },
    async () => {
      const meminfo = cluster.machines[0]?.node.path('/proc/meminfo') ?? '';
      mkdirSync(dirname(meminfo), { recursive: true });
      writeFileSync(meminfo, 'MemAvailable:     204800 kB\n');
      const file = join(cluster.folder, 'report.json');
      const { code, output } = await keyroll(cluster, ['rotate-certs', '--no-probe', '--report', file]);
      expect(code, output).toBe(0);
      expect(output).toMatch(/200 MB are free, expected 600: nobody answers .* three times, 5 to 20 s each/);
      const { gaps } = JSON.parse(readFileSync(file, 'utf8')) as Report;
      expect(gaps).toHaveLength(3);
      expect(gaps.filter(({ seconds }) => !(seconds > 0))).toEqual([]);
      expect(
        output.match(/^GAP: nobody answered for .* s while kube-apiserver on .* restarted$/gm),
      ).toHaveLength(3);
      cluster.admin.reread();
      await cluster.admin.well();
    },
  );
});
