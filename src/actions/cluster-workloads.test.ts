import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { KubeAnswer, KubeClient, KubeObject } from '../adapters/kube/types.js';
import { Journal } from '../execute/journal.js';
import { addonsNotBack, rememberAddons } from './addons.js';
import { pauseAutoscaler, resumeAutoscaler } from './autoscaler.js';

let folder: string;
let journal: Journal;
let notes: string[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'keyroll-workloads-'));
  journal = Journal.open(join(folder, 'journal.jsonl'));
  notes = [];
});
afterEach(() => {
  journal.close();
  rmSync(folder, { recursive: true });
});

/** An API with some objects; a write may be refused. */
class Api {
  replicas: number | undefined;
  refuses = false;
  lists: Record<string, KubeObject[]> = {};
  readonly scaled: number[] = [];
  readonly client = {
    request: (): Promise<KubeAnswer> =>
      Promise.resolve({ status: this.replicas === undefined ? 404 : 200, body: {}, text: '' }),
    get: () => Promise.resolve({ metadata: { name: 'x' }, spec: { replicas: this.replicas } }),
    patch: (_path: string, { spec }: { spec: { replicas: number } }) => {
      if (this.refuses) return Promise.reject(new Error('no answer'));
      this.replicas = spec.replicas;
      this.scaled.push(spec.replicas);
      return Promise.resolve({});
    },
    list: (path: string) => Promise.resolve(this.lists[path] ?? []),
  } as unknown as KubeClient;
  session = { kube: () => this.client, state: { journal }, note: (text: string) => void notes.push(text) };
}

describe('cluster-autoscaler', () => {
  it('is paused, and gets its old replica count back', async () => {
    const api = new Api();
    api.replicas = 2;
    await pauseAutoscaler(api.session);
    expect(api.replicas).toBe(0);
    expect(notes[0]).toMatch(/gets its 2 replica\(s\) back at the end; the template .* `aks-engine upgrade`/);
    await resumeAutoscaler(api.session);
    await resumeAutoscaler(api.session);
    expect(api.scaled).toEqual([0, 2]);
  });

  it('gets it back from the next run when this one broke off, or could not reach the API', async () => {
    const api = new Api();
    api.replicas = 3;
    await pauseAutoscaler(api.session);
    api.refuses = true;
    await resumeAutoscaler(api.session);
    expect(notes.at(-1)).toBe(
      'cluster-autoscaler is still at 0 (no answer); the same command gives it 3 replica(s) back, or: kubectl -n kube-system scale deployment cluster-autoscaler --replicas=3',
    );
    api.refuses = false;
    await pauseAutoscaler(api.session);
    await resumeAutoscaler(api.session);
    expect(api.replicas).toBe(3);
  });

  it('is written down before it is scaled, so that a crash in between loses nothing', async () => {
    const api = new Api();
    api.replicas = 1;
    api.refuses = true;
    await expect(pauseAutoscaler(api.session)).rejects.toThrow('no answer');
    api.refuses = false;
    await resumeAutoscaler(api.session);
    expect(api.replicas).toBe(1);
  });

  it('that is absent, or at 0 by the operator’s will, is left alone', async () => {
    const api = new Api();
    await pauseAutoscaler(api.session);
    api.replicas = 0;
    await pauseAutoscaler(api.session);
    await resumeAutoscaler(api.session);
    expect(api.scaled).toEqual([]);
  });
});

describe('the workloads of kube-system', () => {
  const deployment = (name: string, available: number, namespace = 'kube-system') => ({
    metadata: { name, namespace, generation: 1 },
    spec: { replicas: 1, template: { spec: {} } },
    status: { observedGeneration: 1, replicas: 1, updatedReplicas: 1, availableReplicas: available },
  });
  const apiService = (status: string) => ({
    metadata: { name: 'v1beta1.metrics.k8s.io' },
    spec: { service: {} },
    status: { conditions: [{ type: 'Available', status, message: 'no endpoints' }] },
  });

  it('that do not come back are named; those that did not work before are not expected to', async () => {
    const api = new Api();
    const deployments = '/apis/apps/v1/deployments';
    api.lists[deployments] = [
      deployment('coredns', 1),
      deployment('broken', 0),
      deployment('app', 0, 'default'),
    ];
    api.lists['/apis/apiregistration.k8s.io/v1/apiservices'] = [apiService('True')];
    await rememberAddons(api.session);
    expect(await addonsNotBack(api.session, 0)).toEqual([]);
    api.lists[deployments] = [deployment('coredns', 0), deployment('broken', 0)];
    api.lists['/apis/apiregistration.k8s.io/v1/apiservices'] = [apiService('False')];
    await rememberAddons(api.session);
    expect(await addonsNotBack(api.session, 0)).toEqual([
      'Deployment kube-system/coredns: 0 of 1 pods are available',
      'APIService v1beta1.metrics.k8s.io: no endpoints',
    ]);
  });
});
