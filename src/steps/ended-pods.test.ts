import { describe, expect, it } from 'vitest';
import { KubeError } from '../adapters/kube/error.js';
import type { KubeClient } from '../adapters/kube/types.js';
import { containersEnded, letEndedPodsGo, mayGo } from './ended-pods.js';
import type { Pod, Workload } from './workloads.js';

const ended = { state: { terminated: {} } };
const pod = (metadata: object, status: object = { containerStatuses: [ended] }, spec: object = {}): Pod => ({
  metadata: {
    name: 'proxy-1',
    namespace: 'kube-system',
    uid: 'pod-uid',
    resourceVersion: '7',
    deletionTimestamp: '2026-01-01T00:00:00Z',
    ownerReferences: [{ kind: 'DaemonSet', name: 'proxy', uid: 'owner', controller: true }],
    ...metadata,
  },
  spec,
  status,
});
const daemonSet: Workload = {
  kind: 'DaemonSet',
  metadata: { name: 'proxy', namespace: 'kube-system', uid: 'owner' },
  spec: { selector: { matchLabels: { k: 'proxy' } }, template: { spec: {} } },
};

describe('containersEnded', () => {
  it('is true of a deleted pod whose containers have all ended', () => {
    expect(containersEnded(pod({}))).toBe(true);
    expect(containersEnded(pod({}, { containerStatuses: [ended], initContainerStatuses: [ended] }))).toBe(
      true,
    );
  });
  it('is false of a pod that nobody deleted', () => {
    expect(containersEnded(pod({ deletionTimestamp: undefined }))).toBe(false);
  });
  it('is false while one container runs, waits or is unknown', () => {
    for (const state of [{ running: {} }, { waiting: {} }, {}, undefined])
      expect(containersEnded(pod({}, { containerStatuses: [ended, { state }] }))).toBe(false);
    expect(containersEnded(pod({}, { containerStatuses: [] }))).toBe(false);
    expect(containersEnded(pod({}, {}))).toBe(false);
  });
  it('is true when kubelet found a container of it removed, but not when one crashes again and again', () => {
    const waiting = (reason: string) => ({ state: { waiting: {} }, lastState: { terminated: { reason } } });
    expect(containersEnded(pod({}, { containerStatuses: [waiting('ContainerStatusUnknown')] }))).toBe(true);
    expect(containersEnded(pod({}, { containerStatuses: [waiting('Error')] }))).toBe(false);
  });
});

describe('mayGo', () => {
  it('is false of a pod with a claimed volume, which is still to be unmounted', () => {
    expect(mayGo(pod({}, undefined, { volumes: [{ persistentVolumeClaim: {} }] }))).toBe(false);
    expect(mayGo(pod({}, undefined, { volumes: [{ secret: {} }] }))).toBe(true);
  });
});

/** A client that lists these pods and answers every DELETE with one status. */
function client(pods: Pod[], status: number) {
  const deletes: { path: string; body: unknown }[] = [];
  const kube = {
    list: (path: string) => Promise.resolve(path.endsWith('?labelSelector=k%3Dproxy') ? pods : []),
    request: (_method: string, path: string, body: unknown) => {
      deletes.push({ path, body });
      return Promise.resolve({ status, body: undefined, text: 'why' });
    },
  } as unknown as KubeClient;
  return { deletes, context: { kube: () => kube } };
}

describe('letEndedPodsGo', () => {
  it('deletes exactly the pod that was seen to have ended', async () => {
    const others = [
      pod({ name: 'runs' }, { containerStatuses: [{ state: { running: {} } }] }),
      pod({ name: 'of-another', ownerReferences: [] }),
    ];
    const { deletes, context } = client([pod({}), ...others], 200);
    expect(await letEndedPodsGo(daemonSet, context)).toEqual(['kube-system/proxy-1']);
    expect(deletes).toEqual([
      {
        path: '/api/v1/namespaces/kube-system/pods/proxy-1',
        body: {
          apiVersion: 'v1',
          kind: 'DeleteOptions',
          gracePeriodSeconds: 0,
          preconditions: { uid: 'pod-uid', resourceVersion: '7' },
        },
      },
    ]);
  });
  it('takes a pod that changed or has gone for done, and tells every other refusal', async () => {
    await letEndedPodsGo(daemonSet, client([pod({})], 409).context);
    await letEndedPodsGo(daemonSet, client([pod({})], 404).context);
    await expect(letEndedPodsGo(daemonSet, client([pod({})], 403).context)).rejects.toThrow(
      'DELETE /api/v1/namespaces/kube-system/pods/proxy-1 of a pod that has ended: status 403, why',
    );
  });
  it('leaves to the next look what a busy API could not do', async () => {
    expect(await letEndedPodsGo(daemonSet, client([pod({})], 500).context)).toEqual([]);
    expect(await letEndedPodsGo(daemonSet, client([pod({})], 429).context)).toEqual([]);
    const { context } = client([pod({})], 200);
    const failure = new KubeError(
      { server: 'https://m', method: 'DELETE', path: '/p' },
      { reason: 'Timeout', text: 'no answer within 30 s' },
    );
    const request = (): Promise<never> => Promise.reject(failure);
    const busy = { kube: () => ({ ...context.kube(), request }) };
    expect(await letEndedPodsGo(daemonSet, busy)).toEqual([]);
  });
  it('leaves Deployments alone, which do not wait for their old pods', async () => {
    const { deletes, context } = client([pod({})], 200);
    expect(await letEndedPodsGo({ ...daemonSet, kind: 'Deployment' }, context)).toEqual([]);
    expect(deletes).toEqual([]);
  });
});
