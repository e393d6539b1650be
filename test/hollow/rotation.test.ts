import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { shortenedTimings, startCluster, type HollowCluster } from '../../src/hollow/index.js';
import { stackBehind, type IdentitySystem, type StackBehind } from './azure-flags.js';
import { endState, nodeFiles } from './faults/node-files.js';
import { likeAksEngine } from './keyroll.js';
import { addDeployment, replicasOf } from './kube-system.js';
import { failuresIn, type Report } from '../../src/report/report.js';

let cluster: HollowCluster;
let before: Map<string, string>;

/** Manifests, units and defaults of all nodes, which a rotation must leave as they were. */
function untouched(): Map<string, string> {
  const files = [
    ...['kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kube-addon-manager'].map(
      (name) => `/etc/kubernetes/manifests/${name}.yaml`,
    ),
    ...['/etc/default/etcd', '/etc/default/kubelet', '/etc/systemd/system/kubelet.service'],
  ];
  return new Map(
    cluster.machines.flatMap(({ node }) =>
      files
        .filter((file) => existsSync(node.path(file)))
        .map((file): [string, string] => [`${node.name} ${file}`, readFileSync(node.path(file), 'utf8')]),
    ),
  );
}

/** What the machines say of what ended, for the message of a failed test. */
function ends(): string {
  const logs = cluster.machines.map(({ node }) => readFileSync(join(node.folder, 'log'), 'utf8'));
  return logs
    .flatMap((log) => log.split('\n').filter((line) => /kills|fatal|ended with/.test(line)))
    .join('\n');
}

/** What the report says of failed requests, for the message of a failed test. */
function failedRequests(file: string): string {
  if (!existsSync(file)) return 'no report was written';
  const { probe } = JSON.parse(readFileSync(file, 'utf8')) as Report;
  return Object.entries(probe)
    .flatMap(([name, { failures }]) => failures.map((failure) => `${name}: ${JSON.stringify(failure)}`))
    .join('\n');
}

beforeAll(async () => {
  cluster = await startCluster({
    masters: 3,
    agents: 2,
    timings: shortenedTimings,
    keys: { type: 'ec', curve: 'prime256v1' },
    watchdogDelayMs: 5_000,
    projectedTokens: false,
  });
  before = untouched();
  await addDeployment(cluster, 'cluster-autoscaler', 2);
  await cluster.admin.well();
}, 180_000);
afterAll(() => cluster.stop());

/** One stack at a time is the one that the API model names. */
async function behind<T>(
  identitySystem: IdentitySystem,
  work: (azure: StackBehind) => Promise<T>,
): Promise<T> {
  const azure = await stackBehind(cluster, identitySystem);
  try {
    const result = await work(azure);
    expect(azure.stack.unknown).toEqual([]);
    return result;
  } finally {
    await azure.stack.close();
  }
}

describe("aks-engine's full command line on a hollow cluster", () => {
  it(
    'with AD FS and a certificate: a machine that does not run is the gate azure, and nothing is touched',
    { timeout: 120_000 },
    async () => {
      const files = nodeFiles(cluster);
      const machine = cluster.machines.at(-1)?.node.name ?? '';
      const { code, output } = await behind('adfs', (azure) => {
        azure.stack.resources.setPower(machine, 'deallocated');
        return likeAksEngine(cluster, azure, { report: join(cluster.folder, 'none.json') });
      });
      expect([code, output]).toEqual([
        3,
        expect.stringContaining(
          `machine ${machine} in resource group hollow: is deallocated; expected running; start it, and wait until its node is Ready; to start all the same give --skip-gate azure`,
        ),
      ]);
      const changed = Object.entries(endState(files, nodeFiles(cluster), new Map()));
      expect(changed.filter(([, word]) => word !== 'as before')).toEqual([]);
      expect(existsSync(join(cluster.operatorFolder, '_rotate_certs_backup'))).toBe(false);
    },
  );

  it(
    'with Azure AD and a secret: fails no request, replaces every key, restores what it swapped, and proves that the old side is refused',
    { timeout: 300_000 },
    async () => {
      const file = join(cluster.folder, 'report.json');
      let paused: number | undefined;
      const { code, output } = await behind('azure_ad', async (azure) => {
        const ended = await likeAksEngine(cluster, azure, {
          report: file,
          when: {
            said: 'trust: masters accept',
            act: async () => void (paused = await replicasOf(cluster, 'cluster-autoscaler')),
          },
        });
        // Every machine was asked for before the start.
        expect(azure.stack.requests.filter((line) => /virtualMachines\/k8s-.* 200$/.test(line))).toHaveLength(
          5,
        );
        for (const secret of azure.secrets) {
          expect(ended.output).not.toContain(secret);
          expect(readFileSync(file, 'utf8')).not.toContain(secret);
        }
        return ended;
      });
      expect(code, `${output}\n${code === 0 ? '' : `${failedRequests(file)}\n${ends()}`}`).toBe(0);
      const report = JSON.parse(readFileSync(file, 'utf8')) as Report;
      expect(report.outcome).toBe('rotated');
      expect(failuresIn(report.probe)).toBe(0);
      expect(report.phases.map(({ name }) => name)).toEqual(['trust', 'present', 'refresh', 'distrust']);
      expect(
        report.credentials.filter(({ oldFingerprint, newFingerprint }) => oldFingerprint === newFingerprint),
      ).toEqual([]);
      expect(report.refused.filter(({ refusedAfter }) => !refusedAfter)).toEqual([]);
      expect(cluster.calls.failed).toBe(0);
      expect(untouched()).toEqual(before);
      cluster.admin.reread();
      expect([paused, await replicasOf(cluster, 'cluster-autoscaler')]).toEqual([0, 2]);
      await cluster.admin.well();
    },
  );
});
