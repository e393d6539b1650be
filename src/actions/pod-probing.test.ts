import { expect, it } from 'vitest';
import { KubeError } from '../adapters/kube/error.js';
import { startPods } from './pod-probing.js';
import type { Session } from './session.js';

const namespacePath = '/api/v1/namespaces/keyroll-probe';

it('waits for the namespace of an earlier rotation with the identity of each moment, and says so once', async () => {
  const asked: string[] = [];
  const notes: string[] = [];
  /** A client that answers so often, then is closed, as one whose identity was replaced. */
  const client = (name: string, answers: readonly { status: number; body?: unknown }[]) => {
    let next = 0;
    return {
      request: (method: string, path: string) => {
        if (method !== 'GET' || path !== namespacePath) return Promise.resolve({ status: 201, text: '' });
        const answer = answers[next++];
        asked.push(name);
        if (answer) return Promise.resolve(answer);
        const text = 'the connection broke before the answer (The client is destroyed)';
        return Promise.reject(new KubeError({ method, path, server: '' }, { reason: 'Interrupted', text }));
      },
      list: () => Promise.resolve([]),
    };
  };
  const deleting = { status: 200, body: { metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } } };
  const before = client('before', [deleting]);
  const after = client('after', [deleting, { status: 404 }]);
  const session = {
    nodes: [],
    inventories: new Map(),
    kube: () => (asked.length === 0 ? before : after),
    note: (text: string) => notes.push(text),
  } as unknown as Session;
  await startPods(session);
  expect(asked).toEqual(['before', 'after', 'after']);
  expect(notes).toEqual(['namespace keyroll-probe of an earlier rotation is on its way out: waits for it']);
});

it('waits until each probing pod is ready', async () => {
  const metadata = { name: 'probe-m0', namespace: 'keyroll-probe' };
  let looks = 0;
  const look = () => ({ kind: 'Deployment', metadata, status: { readyReplicas: ++looks < 3 ? 0 : 1 } });
  const client = {
    request: () => Promise.resolve({ status: 201, text: '', body: {} }),
    list: (path: string) => Promise.resolve(path.endsWith('/deployments') ? [look()] : []),
  };
  await startPods({ nodes: [], inventories: new Map(), kube: () => client } as unknown as Session);
  expect(looks).toBe(3);
});
