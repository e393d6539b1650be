import { createHash } from 'node:crypto';
import { controllerOf, fits, type Condition, type KubeObject, type LabelSelector } from '../kube/objects.js';
import { pathOf } from '../kube/resources.js';
import type { ControllerContext } from './context.js';
import { isStatus } from '../client/client.js';

export interface PodTemplate {
  readonly metadata?: {
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec: Readonly<Record<string, unknown>>;
}

export interface Pod extends KubeObject {
  spec: { nodeName?: string; containers?: { ports?: { name?: string; containerPort: number }[] }[] };
  status?: { phase?: string; podIP?: string; conditions?: Condition[] };
}

/** Anything that makes pods of a template. */
export interface Workload extends KubeObject {
  spec: {
    replicas?: number;
    minReadySeconds?: number;
    paused?: boolean;
    selector: LabelSelector;
    template: PodTemplate;
  };
  status?: Readonly<Record<string, unknown>>;
}

const revisions = 'bcdfghjklmnpqrstvwxz2456789';

/** A short name for a template: the same for the same content. Kubernetes takes FNV of its own printing. */
export function templateHash(template: PodTemplate): string {
  const bytes = createHash('sha256').update(JSON.stringify(template)).digest().subarray(0, 10);
  return [...bytes].map((byte) => revisions[byte % revisions.length] ?? '').join('');
}

export function isReady({ status }: Pod): boolean {
  return status?.conditions?.some(({ type, status: state }) => type === 'Ready' && state === 'True') ?? false;
}

/** Neither ended nor on its way out. */
export function isActive({ status, metadata }: Pod): boolean {
  return (
    status?.phase !== 'Succeeded' && status?.phase !== 'Failed' && metadata.deletionTimestamp === undefined
  );
}

/** ms until a ready pod counts as available; 0: it does; undefined: it is not ready. */
export function availableIn(pod: Pod, { spec }: Workload): number | undefined {
  const ready = pod.status?.conditions?.find(({ type }) => type === 'Ready');
  if (ready?.status !== 'True') return undefined;
  const since = Date.parse(ready.lastTransitionTime ?? '') + (spec.minReadySeconds ?? 0) * 1000;
  return spec.minReadySeconds === undefined || spec.minReadySeconds === 0
    ? 0
    : Math.max(0, since - Date.now());
}

/** How many pods count as available, and when to look again for those that will. */
export function availability(
  pods: readonly Pod[],
  workload: Workload,
): { available: number; againMs: number | undefined } {
  const times = pods.flatMap((pod) => availableIn(pod, workload) ?? []);
  const waiting = times.filter((ms) => ms > 0);
  return {
    available: times.length - waiting.length,
    againMs: waiting.length === 0 ? undefined : Math.min(...waiting) + 10,
  };
}

/** The pods that a workload controls, as the API has them now (not as a copy has them, which may be late). */
export async function podsOf({ client }: ControllerContext, owner: Workload): Promise<Pod[]> {
  const { items } = await client.list<Pod>(pathOf('pods', owner.metadata.namespace));
  return items.filter(
    (pod) => controllerOf(pod)?.uid === owner.metadata.uid && fits(pod.metadata.labels, owner.spec.selector),
  );
}

/** A pod of a workload's template; `more` names it and says what this one has of its own. */
export async function createPod(
  { client }: ControllerContext,
  owner: Workload,
  more: {
    readonly metadata: Partial<KubeObject['metadata']>;
    readonly spec?: Readonly<Record<string, unknown>>;
  },
): Promise<void> {
  const { template } = owner.spec;
  const { labels, annotations } = template.metadata ?? {};
  const pod = {
    metadata: {
      ...(annotations === undefined ? {} : { annotations }),
      ...more.metadata,
      labels: { ...labels, ...more.metadata.labels },
      ownerReferences: [ownerReference(owner)],
    },
    spec: { ...template.spec, ...more.spec },
  };
  try {
    await client.create(pathOf('pods', owner.metadata.namespace), pod);
  } catch (error) {
    // A namespace that is going takes no pods; that is no failure of this controller.
    if (!isStatus(error, 403) || !(error as Error).message.includes('being terminated')) throw error;
  }
}

export async function deletePod({ client }: ControllerContext, { metadata }: Pod): Promise<void> {
  await client.delete(pathOf('pods', metadata.namespace, metadata.name));
}

export function ownerReference(owner: KubeObject) {
  return {
    apiVersion: owner.apiVersion ?? 'apps/v1',
    kind: owner.kind ?? '',
    name: owner.metadata.name,
    uid: owner.metadata.uid ?? '',
    controller: true,
    blockOwnerDeletion: true,
  };
}

/** `25%` of a number, rounded up or down, or the number itself. */
export function share(value: number | string | undefined, of: number, round: 'up' | 'down'): number {
  if (typeof value !== 'string') return value ?? 0;
  const exact = (Number.parseInt(value, 10) * of) / 100;
  return round === 'up' ? Math.ceil(exact) : Math.floor(exact);
}

/** Writes a status, unless it is there already. */
export async function writeStatus(
  { client }: ControllerContext,
  plural: string,
  object: KubeObject,
  status: object,
): Promise<void> {
  const { namespace, name } = object.metadata;
  const before = object['status'] as Readonly<Record<string, unknown>> | undefined;
  const same = Object.entries(status).every(
    ([field, value]) => JSON.stringify(before?.[field]) === JSON.stringify(value),
  );
  if (same) return;
  await client.patch(`${pathOf(plural, namespace, name)}/status`, { status }, 'merge');
}
