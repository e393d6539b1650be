import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { shortenedTimings, startCluster, type HollowCluster } from '../../src/hollow/index.js';
import { compiled } from './compiled.js';
import { stackBehind, type StackBehind } from './azure-flags.js';
import { failuresIn, type Report } from '../../src/report/report.js';

let cluster: HollowCluster;
let before: Map<string, string>;
let azure: StackBehind;

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

/** keyroll as users run it, in a process of its own. */
function keyroll(args: readonly string[]): Promise<{ code: number | null; output: string }> {
  const child = spawn(process.execPath, [compiled().main, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  child.stdout.on('data', (bytes: Buffer) => (output += bytes.toString()));
  child.stderr.on('data', (bytes: Buffer) => (output += bytes.toString()));
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, output })));
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
  azure = await stackBehind(
    cluster.modelFile,
    cluster.machines.map(({ node }) => node.name),
  );
}, 180_000);
afterAll(async () => {
  await azure.stack.close();
  await cluster.stop();
});

describe('a rotation of a hollow cluster', () => {
  it(
    'fails no request, replaces every key, restores what it swapped, and proves that the old side is refused',
    { timeout: 300_000 },
    async () => {
      const { modelFile, ssh } = cluster;
      const file = join(cluster.folder, 'report.json');
      const { code, output } = await keyroll([
        ...['rotate-certs', '--api-model', modelFile, '--ssh-host', ssh.host, '--ssh-port', String(ssh.port)],
        ...['--linux-ssh-private-key', ssh.keyFile, '--known-hosts', ssh.knownHosts, '--strict-host-keys'],
        ...azure.args,
        ...['--report', file, '--yes'],
      ]);
      expect(code, `${output}\n${code === 0 ? '' : `${failedRequests(file)}\n${ends()}`}`).toBe(0);
      const report = JSON.parse(readFileSync(file, 'utf8')) as Report;
      expect(report.outcome).toBe('rotated');
      expect(azure.stack.unknown).toEqual([]);
      // Every machine was asked for before the start.
      expect(azure.stack.requests.filter((line) => /virtualMachines\/k8s-.* 200$/.test(line))).toHaveLength(
        5,
      );
      expect(output + readFileSync(file, 'utf8')).not.toContain(azure.secret);
      expect(failuresIn(report.probe)).toBe(0);
      expect(report.phases.map(({ name }) => name)).toEqual(['trust', 'present', 'refresh', 'distrust']);
      expect(
        report.credentials.filter(({ oldFingerprint, newFingerprint }) => oldFingerprint === newFingerprint),
      ).toEqual([]);
      expect(report.refused.filter(({ refusedAfter }) => !refusedAfter)).toEqual([]);
      expect(cluster.calls.failed).toBe(0);
      expect(untouched()).toEqual(before);
      cluster.admin.reread();
      await cluster.admin.well();
    },
  );
});
