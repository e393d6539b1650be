import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { shortenedTimings, startCluster, type HollowCluster } from '../../src/hollow/index.js';
import { keyroll } from './keyroll.js';
import type { Report } from '../../src/report/report.js';

/** From when the cluster is made until all its certificates expire: many times what it takes to come up. */
const lifetimeMs = 100_000;
let cluster: HollowCluster;
let end: Date;

const configMaps = '/api/v1/namespaces/default/configmaps';
const masters = (): HollowCluster['machines'] => cluster.machines.slice(0, 3);

describe.runIf(process.env['KEYROLL_TEST_ALL'] !== undefined)(
  'a hollow cluster whose certificates have all expired',
  () => {
    beforeAll(async () => {
      end = new Date(Math.ceil((Date.now() + lifetimeMs) / 1000) * 1000);
      cluster = await startCluster({
        ...{ masters: 3, agents: 2, timings: shortenedTimings, projectedTokens: false },
        keys: { type: 'ec', curve: 'prime256v1' },
        watchdogDelayMs: 5_000,
        certificatesEnd: end,
      });
    }, 180_000);
    afterAll(() => cluster.stop());

    it(
      'is brought back by --force alone, with everything that was in etcd',
      { timeout: 500_000 },
      async () => {
        for (let index = 0; index < 20; index += 1)
          await cluster.admin.client.create(configMaps, {
            apiVersion: 'v1',
            kind: 'ConfigMap',
            metadata: { name: `kept-${index}`, namespace: 'default' },
            data: { value: String(index) },
          });
        await sleep(Math.max(0, end.getTime() - Date.now()) + 2_000);
        // Connections that were made before go on; after a restart no member accepts another.
        for (const { systemd } of masters()) await systemd.stop('etcd');
        for (const { systemd } of masters()) void systemd.service('etcd')?.start();

        const refused = await keyroll(cluster, ['rotate-certs']);
        expect(refused.code, refused.output).not.toBe(0);
        expect(refused.output).toContain('--force');

        const file = join(cluster.folder, 'report.json');
        const killed = await keyroll(
          cluster,
          ['rotate-certs', '--force'],
          ': all certificates and keys are new (',
        );
        expect(killed.code, killed.output).toBeNull();
        const resumed = await keyroll(cluster, ['resume', '--report', file]);
        const { code } = resumed;
        const output = killed.output + resumed.output;
        expect(code, output).toBe(0);
        const report = JSON.parse(readFileSync(file, 'utf8')) as Report;
        expect(report.outcome).toBe('rotated');
        expect(report.phases.map(({ name }) => name)).toEqual(['rescue-masters', 'rescue-nodes']);
        expect(report.refused.filter(({ refusedAfter }) => !refusedAfter)).toEqual([]);
        expect(
          report.credentials.filter(
            ({ oldFingerprint, newFingerprint }) => oldFingerprint === newFingerprint,
          ),
        ).toEqual([]);
        for (const { node } of masters()) {
          const copy = node.path(`/var/lib/keyroll/etcd-copies/${report.rotation}`);
          expect(statSync(copy).mode & 0o777).toBe(0o700);
          expect(readFileSync(join(copy, 'member/README'), 'utf8')).toContain(node.name);
          expect(output).toContain(`/var/lib/keyroll/etcd-copies/${report.rotation}`);
        }
        cluster.admin.reread();
        await cluster.admin.well();
        const { items } = await cluster.admin.client.list<{
          metadata: { name: string };
          data?: { value?: string };
        }>(configMaps);
        const kept = items.filter(({ metadata }) => metadata.name.startsWith('kept-'));
        expect(kept.map(({ metadata, data }) => `${metadata.name}=${data?.value ?? ''}`).sort()).toEqual(
          Array.from({ length: 20 }, (_, index) => `kept-${index}=${index}`).sort(),
        );
      },
    );
  },
);
