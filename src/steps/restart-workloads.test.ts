import { describe, expect, it, vi } from 'vitest';
import type { KubeClient } from '../adapters/kube/types.js';
import type { StepOf } from '../model/plan.js';
import type { StepContext } from './context.js';
import { restartWorkloads } from './restart-workloads.js';
import type { Workload } from './workloads.js';

const step = {
  id: 'refresh/workloads',
  kind: 'restart-workloads',
  select: 'all-but-node-credentials',
} as unknown as StepOf<'restart-workloads'>;

function deployment(name: string, available: number): Workload {
  return {
    kind: 'Deployment',
    metadata: { name, namespace: 'apps', generation: 1 },
    spec: { replicas: 2, selector: {}, template: { spec: {} } },
    status: { observedGeneration: 1, replicas: 2, updatedReplicas: 2, availableReplicas: available },
  };
}

/** An API server with these Deployments; `onPatch` says what their controller makes of a restart. */
function contextWith(deployments: Workload[], onPatch: (name: string) => void = () => undefined) {
  const patched: string[] = [];
  const notes: string[] = [];
  const records: { type: string; id: string; details: unknown }[] = [];
  const kube = {
    list: (path: string) => Promise.resolve(path.endsWith('/deployments') ? deployments : []),
    patch: (path: string) => {
      const name = path.split('/').at(-1) ?? '';
      patched.push(name);
      onPatch(name);
      return Promise.resolve({});
    },
    create: () => Promise.resolve({ metadata: { creationTimestamp: '2026-01-01T00:00:00Z' } }),
  } as unknown as KubeClient;
  const context = {
    kube: () => kube,
    layout: { nodeCredentialPaths: ['/etc/kubernetes'] },
    waitWorkloadsMs: 2000,
    nodes: () => [{}, {}],
    calm: () => Promise.resolve(),
    note: (text: string) => notes.push(text),
    journal: {
      records,
      remember: (id: string, value: unknown) => {
        const known = records.find((record) => record.id === id);
        if (!known) records.push({ type: 'fact', id, details: value });
        return known ? known.details : value;
      },
    },
  } as unknown as StepContext;
  return { context, patched, notes };
}

describe('restartWorkloads', () => {
  it('restarts one that did not work before, says so, and waits for the others alone', async () => {
    const { context, patched, notes } = contextWith([deployment('web', 2), deployment('broken', 0)]);
    const details = await restartWorkloads(step, context);
    expect(patched.sort()).toEqual(['broken', 'web']);
    expect(notes).toEqual([
      'Deployment apps/broken did not work before its restart (0 of 2 pods are available): nothing waits for it',
    ]);
    expect(details).toMatchObject({ broken: ['Deployment apps/broken'] });
  });

  it('waits for one whose pods were away for a moment only before it was restarted', async () => {
    const web = deployment('web', 1);
    const { context, patched, notes } = contextWith([web, deployment('other', 2)], (name) => {
      if (name === 'web') web.status = { ...web.status, availableReplicas: 1 };
    });
    const kube = context.kube();
    let looks = 0;
    const list = async (path: string): Promise<unknown> => {
      const seen = structuredClone(await kube.list(path));
      // It was away when it was looked at first, and is back right after.
      if (path.endsWith('/deployments') && ++looks === 1)
        web.status = { ...web.status, availableReplicas: 2 };
      return seen;
    };
    const asked = { ...context, kube: () => ({ ...kube, list }) as KubeClient, waitWorkloadsMs: 4000 };
    await expect(restartWorkloads(step, asked)).rejects.toThrow(
      /Deployment apps\/web: 1 of 2 pods are available/,
    );
    expect([patched, notes]).toEqual([['web', 'other'], []]);
  });

  it('does not take one for broken before that its restart broke, in a second run either', async () => {
    const web = deployment('web', 2);
    const { context, notes } = contextWith([web], () => {
      web.status = { ...web.status, availableReplicas: 1 };
    });
    const notBack = /Deployment apps\/web: 1 of 2 pods are available/;
    await expect(restartWorkloads(step, context)).rejects.toThrow(notBack);
    await expect(restartWorkloads(step, context)).rejects.toThrow(notBack);
    expect(notes).toEqual([]);
  });

  it('has no more rollouts under way than there are nodes, and waits before each until the API is calm', async () => {
    const names = ['a', 'b', 'c', 'd', 'e'];
    const all = names.map((name) => deployment(name, 2));
    const states: string[] = [];
    const underWay = (): Workload[] => all.filter(({ status }) => status?.availableReplicas === 1);
    const { context, patched } = contextWith(all, (name) => {
      const [workload] = all.filter(({ metadata }) => metadata.name === name);
      if (workload) workload.status = { ...workload.status, availableReplicas: 1 };
      states.push(
        underWay()
          .map(({ metadata }) => metadata.name)
          .join(''),
      );
    });
    let calm = 0;
    const waiting = restartWorkloads(step, {
      ...context,
      waitWorkloadsMs: 60_000,
      calm: () => Promise.resolve(void (calm += 1)),
    });
    for (const round of [['a', 'b'], ['c', 'd'], ['e']]) {
      await vi.waitFor(
        () => expect(patched).toEqual(names.slice(0, names.indexOf(round.at(-1) ?? '') + 1)),
        10_000,
      );
      for (const workload of underWay()) workload.status = { ...workload.status, availableReplicas: 2 };
    }
    await waiting;
    expect([states, calm]).toEqual([['a', 'ab', 'c', 'cd', 'e'], 5]);
  });
});
