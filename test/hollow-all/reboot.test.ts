import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { shortenedTimings, startCluster, type HollowCluster } from '../../src/hollow/index.js';
import type { Report } from '../../src/report/report.js';
import { stackBehind, type StackBehind } from '../hollow/azure-flags.js';
import { likeAksEngine, type Ended } from '../hollow/keyroll.js';

const bootId = '/proc/sys/kernel/random/boot_id';
let cluster: HollowCluster;
let azure: StackBehind;
let ended: Ended;
let report: Report;
let bootsBefore: readonly string[];
const masters = (): HollowCluster['machines'] => cluster.machines.slice(0, 3);
const boots = (): string[] => cluster.machines.map(({ node }) => readFileSync(node.path(bootId), 'utf8'));
const manifestsOf = ({ node }: HollowCluster['machines'][number]): string[] =>
  readdirSync(node.path('/etc/kubernetes/manifests')).sort();

beforeAll(async () => {
  cluster = await startCluster({
    ...{ masters: 3, agents: 1, timings: shortenedTimings, projectedTokens: false },
    ...{ keys: { type: 'ec', curve: 'prime256v1' }, watchdogDelayMs: 5_000 },
  });
  azure = await stackBehind(cluster, 'azure_ad', (name) => cluster.machine(name).reboot());
  bootsBefore = boots();
  const file = join(cluster.folder, 'report.json');
  ended = await likeAksEngine(cluster, azure, { report: file }, ['--reboot']);
  report = JSON.parse(readFileSync(file, 'utf8')) as Report;
}, 1_800_000);
afterAll(async () => {
  await azure.stack.close();
  await cluster.stop();
});

describe('a rotation of a hollow cluster by reboots through Azure Stack Hub', () => {
  it('rotates, and refuses the old side', () => {
    expect(report.outcome, ended.output).toBe('rotated');
    expect(report.refused.filter(({ refusedAfter }) => !refusedAfter)).toEqual([]);
    const same = report.credentials.filter((one) => one.oldFingerprint === one.newFingerprint);
    expect(same).toEqual([]);
    expect(azure.stack.unknown).toEqual([]);
  });

  it('reboots each master three times, one at a time, and no agent', () => {
    const machines = report.restarts.filter(({ process }) => process === 'machine');
    expect(machines.map(({ count }) => count)).toEqual([3, 3, 3]);
    const names = masters().map(({ node }) => node.name);
    expect([...azure.stack.resources.restarts].sort()).toEqual(names.flatMap((name) => [name, name, name]));
    const [now, was] = [boots(), bootsBefore];
    expect(now.map((id, index) => id !== was[index])).toEqual([true, true, true, false]);
  });

  it('fails no request but those of pods on a machine that is down', () => {
    const failed = Object.entries(report.probe)
      .filter(([name]) => !names(name))
      .map(([name, { failed: count, lost = 0, missed = 0 }]) => [name, count + lost + missed]);
    expect(failed.filter(([, count]) => count !== 0)).toEqual([]);
    expect(failed.length).toBeGreaterThan(6);
    expect(cluster.calls.failed).toBe(0);

    function names(probeClass: string): boolean {
      return masters().some(({ node }) => probeClass === `pod:${node.name}`);
    }
  });

  it('leaves each master in service, with the manifests and rules of the start', async () => {
    for (const machine of masters()) {
      const { node, systemd } = machine;
      expect(manifestsOf(machine)).toEqual([
        ...['kube-addon-manager.yaml', 'kube-apiserver.yaml'],
        ...['kube-controller-manager.yaml', 'kube-scheduler.yaml'],
      ]);
      const rules = [...node.network.filter.list('nat'), ...node.network.filter.list('filter')];
      expect(rules.filter((rule) => /KEYROLL|REJECT|DROP/.test(rule))).toEqual([]);
      for (const unit of ['etcd', 'kubelet', 'apiserver-monitor', 'etcd-monitor', 'kubelet-monitor'])
        expect([unit, systemd.state(unit)]).toEqual([unit, 'active']);
      expect(
        readdirSync(node.path('/etc/systemd/system')).filter((name) => name.includes('keyroll')),
      ).toEqual([]);
    }
    cluster.admin.reread();
    await cluster.admin.well();
  });
});
