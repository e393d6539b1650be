import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { defaultOptions, planLab } from '../plan.js';
import type { Binaries } from './binaries.js';
import { staticPods } from './manifests.js';
import { apiserverFlags, controllerManagerFlags, proxyFlags, schedulerFlags } from './wishes.js';
import { workloads } from './workloads.js';

const plan = planLab('/x/keyroll-lab', { masters: 3, agents: 2 });
const master = plan.nodes[1] ?? plan.nodes[0];
if (master === undefined) throw new Error('no master');
const helpFor = (flags: object): string =>
  Object.keys(flags)
    .map((flag) => `      ${flag} string   text\n`)
    .join('');
const binaries = (minor: number): Binaries => ({
  folder: '/x',
  version: `v1.${minor}.0`,
  minor,
  help: {
    'kube-apiserver': helpFor(apiserverFlags(master, defaultOptions)),
    'kube-controller-manager': helpFor(controllerManagerFlags(plan, defaultOptions)),
    'kube-scheduler': helpFor(schedulerFlags),
    'kube-proxy': helpFor(proxyFlags),
    kubelet: '',
    kubectl: '',
  },
});

interface Pod {
  spec: { containers: { command: string[]; args: string[]; volumeMounts: unknown }[]; hostNetwork: boolean };
}

describe('staticPods', () => {
  const manifests = staticPods(plan, master, defaultOptions, binaries(20));

  it('are the four of an AKS Engine master', () => {
    expect(Object.keys(manifests)).toEqual([
      ...[
        'kube-apiserver.yaml',
        'kube-controller-manager.yaml',
        'kube-scheduler.yaml',
        'kube-addon-manager.yaml',
      ],
    ]);
  });

  it('have command and arguments on one line each, and neither ports, probes nor resources', () => {
    for (const text of Object.values(manifests)) {
      expect(text).toMatch(/^ {6}command: \[".*"\]$/m);
      expect(text).toMatch(/^ {6}args: \[".*"\]$/m);
      expect(text).not.toMatch(/ports:|Probe:|resources:/);
    }
  });

  it('say what they seem to say', () => {
    const pod = parse(manifests['kube-apiserver.yaml'] ?? '') as Pod;
    expect(pod.spec.hostNetwork).toBe(true);
    expect(pod.spec.containers[0]?.command).toEqual(['kube-apiserver']);
    expect(pod.spec.containers[0]?.args).toContain('--advertise-address=10.240.255.6');
    expect(pod.spec.containers[0]?.args).toContain('--requestheader-allowed-names=');
  });
});

it('uses the PodDisruptionBudget that the version has', () => {
  const version = (minor: number): unknown =>
    workloads(binaries(minor)).find((each) => each['kind'] === 'PodDisruptionBudget')?.['apiVersion'];
  expect(version(20)).toBe('policy/v1beta1');
  expect(version(25)).toBe('policy/v1');
});
