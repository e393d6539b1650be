import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { shortenedTimings, startCluster, type HollowCluster } from '../../src/hollow/index.js';
import type { Report } from '../../src/report/report.js';
import { keyroll } from './keyroll.js';

describe.runIf(process.env['KEYROLL_TEST_ALL'] !== undefined)('a node that a rotation left out', () => {
  let cluster: HollowCluster;
  beforeAll(async () => {
    cluster = await startCluster({
      ...{ masters: 3, agents: 2, timings: shortenedTimings, projectedTokens: false },
      keys: { type: 'ec', curve: 'prime256v1' },
      watchdogDelayMs: 5_000,
    });
  }, 180_000);
  afterAll(() => cluster.stop());

  it(
    'is named, and brought in later by repair, which mints nothing but its own serving pair',
    {
      timeout: 500_000,
    },
    async () => {
      const left = cluster.machines.at(-1)?.node;
      if (!left) throw new Error('the cluster has no agent');
      const file = join(cluster.folder, 'report.json');
      const rotated = await keyroll(cluster, [
        ...['rotate-certs', '--no-probe', '--leave-node', left.name, '--report', file],
      ]);
      expect(rotated.code, rotated.output).toBe(12);
      const { leftNodes, rotation } = JSON.parse(readFileSync(file, 'utf8')) as Report;
      expect(leftNodes).toEqual([left.name]);
      const keys = join(cluster.operatorFolder, '_keyroll', rotation, 'keys');
      const minted = readFileSync(join(keys, 'client.key'), 'utf8');

      const repaired = await keyroll(cluster, ['repair', left.name]);
      expect(repaired.code, repaired.output).toBe(0);
      expect(readFileSync(left.path('/etc/kubernetes/certs/ca.crt'), 'utf8')).toBe(
        readFileSync(join(keys, 'ca.crt'), 'utf8'),
      );
      expect(readFileSync(left.path('/etc/kubernetes/certs/client.key'), 'utf8')).toBe(minted);
      cluster.admin.reread();
      await cluster.admin.well();
      const again = await keyroll(cluster, ['repair', left.name]);
      expect(again).toMatchObject({ code: 0 });
      expect(again.output).toContain('nothing was changed');
    },
  );
});
