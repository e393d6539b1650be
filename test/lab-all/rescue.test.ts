import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { X509Certificate } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, expect, it } from 'vitest';
import type { Report } from '../../src/report/report.js';
import { labSuite } from '../lab/lab-suite.js';
import { runKeyroll } from '../lab/run/keyroll.js';
import { say } from '../lab/say.js';
import { bringUp, type TestLab } from '../lab/test-lab.js';

/** Many times what the lab takes to come up. */
const certificateSeconds = 300;
const kept = 50;

interface ConfigMap {
  metadata: { name: string };
  data?: Record<string, string>;
}
interface Node {
  metadata: { name: string };
  status: { conditions: { type: string; status: string }[] };
}

/** When the cluster CA on a master expires. */
async function endOf(lab: TestLab): Promise<Date> {
  const pem = await lab.onNode(lab.masters[0]?.name ?? '', 'cat /etc/kubernetes/certs/ca.crt');
  return new Date(new X509Certificate(pem).validTo);
}

async function writeKeys(lab: TestLab): Promise<void> {
  const manifest = Array.from({ length: kept }, (_, index) => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: `kept-${index}`, namespace: 'default' },
    data: { value: String(index) },
  }));
  await lab.kubectl(['create', '-f', '-'], {
    input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items: manifest }),
  });
}

/** What was written, read back by the admin of now. */
async function readKeys(lab: TestLab): Promise<string[]> {
  const items = await lab.list<ConfigMap>('configmaps', '--namespace=default');
  return items
    .filter(({ metadata }) => metadata.name.startsWith('kept-'))
    .map(({ metadata, data }) => `${metadata.name}=${data?.['value'] ?? ''}`)
    .sort();
}

/** Until they have expired; then no member of etcd accepts another: connections that were made before are cut. */
async function letExpire(lab: TestLab): Promise<void> {
  const end = await endOf(lab);
  say(`all certificates expire at ${end.toISOString()}`);
  await sleep(Math.max(0, end.getTime() - Date.now()) + 2_000);
  for (const { name } of lab.masters) await lab.onNode(name, 'systemctl restart --no-block etcd');
}

labSuite('lab: a cluster whose certificates have all expired', () => {
  let lab: TestLab;
  beforeAll(async () => {
    lab = await bringUp({ certificateSeconds });
  });

  it('comes back with --force, with all that was in etcd', { timeout: 1_800_000 }, async () => {
    await writeKeys(lab);
    const written = await readKeys(lab);
    expect(written).toHaveLength(kept);
    await letExpire(lab);
    await expect(lab.kubectl(['get', 'nodes'])).rejects.toThrow();
    const folder = await mkdtemp(join(tmpdir(), 'keyroll-lab-test-'));
    try {
      const file = join(folder, 'report.json');
      const { code, stderr } = await runKeyroll(lab, ['rotate-certs', '--force', '--report', file]);
      expect(code, stderr).toBe(0);
      const report = JSON.parse(await readFile(file, 'utf8')) as Report;
      say(`rescued after ${report.seconds} s: ${JSON.stringify(report.phases)}`);
      expect(report.refused.filter(({ refusedAfter }) => !refusedAfter)).toEqual([]);
      expect(await readKeys(lab)).toEqual(written);
      const nodes = await lab.list<Node>('nodes');
      const isReady = ({ status }: Node): boolean =>
        status.conditions.some(({ type, status: value }) => type === 'Ready' && value === 'True');
      expect(nodes.filter((node) => !isReady(node)).map(({ metadata }) => metadata.name)).toEqual([]);
      for (const { name } of lab.masters) {
        const copy = `/var/lib/keyroll/etcd-copies/${report.rotation}`;
        expect((await lab.onNode(name, `stat -c '%a' ${copy}; ls ${copy}/member`)).split('\n')).toEqual(
          expect.arrayContaining(['700', 'snap', 'wal']),
        );
      }
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});
