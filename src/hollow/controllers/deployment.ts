import { isDeepStrictEqual } from 'node:util';
import { isStatus } from '../client/client.js';
import { controllerOf, keyOf, timestamp, type KubeObject } from '../kube/objects.js';
import { pathOf } from '../kube/resources.js';
import { without } from '../kube/without.js';
import { split, type Controller, type ControllerContext } from './context.js';
import { ownerReference, share, templateHash, writeStatus, type PodTemplate, type Workload } from './pods.js';
import type { Outcome } from './work-queue.js';

const hashLabel = 'pod-template-hash';
const revision = 'deployment.kubernetes.io/revision';

interface Deployment extends Workload {
  spec: Workload['spec'] & {
    revisionHistoryLimit?: number;
    strategy?: {
      type?: string;
      rollingUpdate?: { maxSurge?: number | string; maxUnavailable?: number | string };
    };
  };
}
interface ReplicaSet extends Workload {
  status?: { replicas?: number; readyReplicas?: number; availableReplicas?: number };
}

/** Lets each Deployment's newest ReplicaSet grow and the others shrink, within its strategy. */
export const deployments: Controller = (context) => {
  const queue = context.queue('deployment', (key) => reconcile(context, key));
  context.watch('deployments', (now) => {
    if (now) queue.add(keyOf(now));
  });
  context.watch('replicasets', (now, before) => {
    const set = now ?? before;
    const owner = set && controllerOf(set);
    if (set && owner?.kind === 'Deployment') queue.add(`${set.metadata.namespace ?? ''}/${owner.name}`);
  });
};

async function reconcile(context: ControllerContext, key: string): Promise<Outcome> {
  const { namespace, name } = split(key);
  const deployment = await read(context, namespace, name);
  if (!deployment || deployment.metadata.deletionTimestamp !== undefined) return undefined;
  const own = await ownSets(context, deployment);
  const existing = own.find((set) => isOfTemplate(set, deployment.spec.template));
  const paused = deployment.spec.paused === true;
  const fresh = existing ?? (paused ? undefined : await createSet(context, deployment, own));
  const old = own.filter((set) => set !== existing);
  if (fresh && !paused) await roll(context, deployment, fresh, old);
  if (fresh) await forgetOld(context, deployment, fresh, old);
  await report(context, deployment, fresh, old);
  return undefined;
}

async function read(
  { client }: ControllerContext,
  namespace: string,
  name: string,
): Promise<Deployment | undefined> {
  try {
    return await client.get<Deployment>(pathOf('deployments', namespace, name));
  } catch (error) {
    if (isStatus(error, 404)) return undefined;
    throw error;
  }
}

async function ownSets({ client }: ControllerContext, { metadata }: Deployment): Promise<ReplicaSet[]> {
  const { items } = await client.list<ReplicaSet>(pathOf('replicasets', metadata.namespace));
  return items.filter((set) => controllerOf(set)?.uid === metadata.uid);
}

function isOfTemplate({ spec }: ReplicaSet, template: PodTemplate): boolean {
  const { metadata = {} } = spec.template;
  const labels = without({ ...metadata.labels }, hashLabel);
  return isDeepStrictEqual(
    { ...spec.template, metadata: { ...metadata, labels } },
    {
      ...template,
      metadata: { ...template.metadata, labels: { ...template.metadata?.labels } },
    },
  );
}

async function createSet(
  { client }: ControllerContext,
  deployment: Deployment,
  own: readonly ReplicaSet[],
): Promise<ReplicaSet> {
  const { metadata, spec } = deployment;
  const hash = templateHash(spec.template);
  const labels = { ...spec.template.metadata?.labels, [hashLabel]: hash };
  const last = Math.max(0, ...own.map((set) => Number(set.metadata.annotations?.[revision] ?? 0)));
  const selector = { ...spec.selector, matchLabels: { ...spec.selector.matchLabels, [hashLabel]: hash } };
  return client.create<ReplicaSet>(pathOf('replicasets', metadata.namespace), {
    metadata: {
      name: `${metadata.name}-${hash}`,
      labels,
      annotations: { [revision]: String(last + 1) },
      ownerReferences: [ownerReference(deployment)],
    },
    spec: {
      replicas: 0,
      ...(spec.minReadySeconds === undefined ? {} : { minReadySeconds: spec.minReadySeconds }),
      selector,
      template: { ...spec.template, metadata: { ...spec.template.metadata, labels } },
    },
  });
}

/** One step of a rollout; the ReplicaSets' own changes bring the next. */
async function roll(
  context: ControllerContext,
  { spec }: Deployment,
  fresh: ReplicaSet,
  old: readonly ReplicaSet[],
): Promise<void> {
  const wanted = spec.replicas ?? 1;
  const total = [fresh, ...old].reduce((sum, set) => sum + sizeOf(set), 0);
  if (spec.strategy?.type === 'Recreate') {
    for (const set of old) await scale(context, set, 0);
    if (old.every((set) => (set.status?.replicas ?? 0) === 0)) await scale(context, fresh, wanted);
    return;
  }
  const { maxSurge = '25%', maxUnavailable = '25%' } = spec.strategy?.rollingUpdate ?? {};
  const surge = share(maxSurge, wanted, 'up');
  const missing = share(maxUnavailable, wanted, 'down');
  const unavailable = surge === 0 && missing === 0 ? 1 : missing;
  const room = Math.max(0, wanted + surge - total);
  const size = Math.min(wanted, sizeOf(fresh) + room);
  await scale(context, fresh, size);
  await shrink(context, old, fresh, wanted - unavailable);
}

/** Old ReplicaSets give up what is not available, then what is more than enough. */
async function shrink(
  context: ControllerContext,
  old: readonly ReplicaSet[],
  fresh: ReplicaSet,
  minimum: number,
): Promise<void> {
  const total = [fresh, ...old].reduce((sum, set) => sum + sizeOf(set), 0);
  const freshMissing = sizeOf(fresh) - available(fresh);
  let most = total - minimum - freshMissing;
  const spare = [fresh, ...old].reduce((sum, set) => sum + available(set), 0) - minimum;
  let healthy = spare;
  for (const set of old) {
    if (most <= 0) return;
    const broken = Math.max(0, sizeOf(set) - available(set));
    const gone = Math.min(most, broken);
    const more = Math.max(0, Math.min(most - gone, healthy, sizeOf(set) - gone));
    if (gone + more > 0) await scale(context, set, sizeOf(set) - gone - more);
    most -= gone + more;
    healthy -= more;
  }
}

const sizeOf = ({ spec }: ReplicaSet): number => spec.replicas ?? 1;
const available = ({ status }: ReplicaSet): number => status?.availableReplicas ?? 0;

async function scale({ client }: ControllerContext, set: ReplicaSet, replicas: number): Promise<void> {
  if (sizeOf(set) === replicas) return;
  const { namespace, name } = set.metadata;
  await client.patch(pathOf('replicasets', namespace, name), { spec: { replicas } }, 'merge');
  set.spec = { ...set.spec, replicas };
}

async function forgetOld(
  { client }: ControllerContext,
  { spec }: Deployment,
  fresh: ReplicaSet,
  old: readonly ReplicaSet[],
): Promise<void> {
  const age = (set: KubeObject): number => Number(set.metadata.annotations?.[revision] ?? 0);
  const empty = old.filter((set) => sizeOf(set) === 0 && (set.status?.replicas ?? 0) === 0 && set !== fresh);
  const most = spec.revisionHistoryLimit ?? 10;
  for (const { metadata } of empty.toSorted((a, b) => age(b) - age(a)).slice(most))
    await client.delete(pathOf('replicasets', metadata.namespace, metadata.name));
}

async function report(
  context: ControllerContext,
  deployment: Deployment,
  fresh: ReplicaSet | undefined,
  old: readonly ReplicaSet[],
): Promise<void> {
  const all = fresh ? [fresh, ...old] : [...old];
  const sum = (field: 'replicas' | 'readyReplicas' | 'availableReplicas'): number =>
    all.reduce((total, { status }) => total + (status?.[field] ?? 0), 0);
  const wanted = deployment.spec.replicas ?? 1;
  const isAvailable = sum('availableReplicas') >= wanted ? 'True' : 'False';
  const before = (deployment.status?.['conditions'] ?? []) as { type: string; status: string }[];
  const same = before.find(({ type, status }) => type === 'Available' && status === isAvailable);
  await writeStatus(context, 'deployments', deployment, {
    observedGeneration: deployment.metadata.generation,
    replicas: sum('replicas'),
    updatedReplicas: fresh?.status?.replicas ?? 0,
    readyReplicas: sum('readyReplicas'),
    availableReplicas: sum('availableReplicas'),
    unavailableReplicas: Math.max(0, sum('replicas') - sum('availableReplicas')),
    conditions: [same ?? { type: 'Available', status: isAvailable, lastTransitionTime: timestamp() }],
  });
}
