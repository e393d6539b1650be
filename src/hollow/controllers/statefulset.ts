import { isStatus } from '../client/client.js';
import { controllerOf, keyOf } from '../kube/objects.js';
import { pathOf } from '../kube/resources.js';
import { split, type Controller, type ControllerContext } from './context.js';
import {
  createPod,
  deletePod,
  isActive,
  isReady,
  podsOf,
  templateHash,
  writeStatus,
  type Pod,
  type Workload,
} from './pods.js';
import type { Outcome } from './work-queue.js';

const plural = 'statefulsets';
const hashLabel = 'controller-revision-hash';
const nameLabel = 'statefulset.kubernetes.io/pod-name';

interface StatefulSet extends Workload {
  spec: Workload['spec'] & {
    serviceName?: string;
    podManagementPolicy?: string;
    updateStrategy?: { type?: string };
  };
  status?: { currentRevision?: string };
}

/** Pods with names that stay; updated from the last to the first, one at a time. */
export const statefulSets: Controller = (context) => {
  const queue = context.queue('statefulset', (key) => reconcile(context, key));
  context.watch(plural, (now) => {
    if (now) queue.add(keyOf(now));
  });
  context.watch<Pod>('pods', (now, before) => {
    const pod = now ?? before;
    const owner = pod && controllerOf(pod);
    if (pod && owner?.kind === 'StatefulSet') queue.add(`${pod.metadata.namespace ?? ''}/${owner.name}`);
  });
};

async function reconcile(context: ControllerContext, key: string): Promise<Outcome> {
  const { namespace, name } = split(key);
  const set = await read(context, namespace, name);
  if (!set || set.metadata.deletionTimestamp !== undefined) return undefined;
  const pods = await podsOf(context, set);
  const revision = `${name}-${templateHash(set.spec.template)}`;
  await step(context, set, pods, revision);
  await report(context, set, await podsOf(context, set), revision);
  return undefined;
}

async function read(
  { client }: ControllerContext,
  namespace: string,
  name: string,
): Promise<StatefulSet | undefined> {
  try {
    return await client.get<StatefulSet>(pathOf(plural, namespace, name));
  } catch (error) {
    if (isStatus(error, 404)) return undefined;
    throw error;
  }
}

const ordinal = ({ metadata }: Pod): number =>
  Number(metadata.name.slice(metadata.name.lastIndexOf('-') + 1));

async function step(
  context: ControllerContext,
  set: StatefulSet,
  pods: readonly Pod[],
  revision: string,
): Promise<void> {
  const wanted = set.spec.replicas ?? 1;
  const inTurn = set.spec.podManagementPolicy !== 'Parallel';
  for (let index = 0; index < wanted; index += 1) {
    const pod = pods.find((each) => ordinal(each) === index);
    if (!pod) await create(context, set, index, revision);
    if (inTurn && !(pod && isActive(pod) && isReady(pod))) return;
  }
  const surplus = pods.filter((pod) => ordinal(pod) >= wanted && isActive(pod));
  for (const pod of surplus) await deletePod(context, pod);
  await update(context, set, pods, revision);
}

/** The last pod of another revision goes, when all are well. */
async function update(
  context: ControllerContext,
  { spec }: StatefulSet,
  pods: readonly Pod[],
  revision: string,
): Promise<void> {
  if (spec.updateStrategy?.type === 'OnDelete') return;
  const isOld = ({ metadata }: Pod): boolean => metadata.labels?.[hashLabel] !== revision;
  for (const pod of pods.toSorted((a, b) => ordinal(b) - ordinal(a))) {
    if (!isActive(pod)) return;
    if (isOld(pod)) {
      await deletePod(context, pod);
      return;
    }
    if (!isReady(pod)) return;
  }
}

function create(
  context: ControllerContext,
  set: StatefulSet,
  index: number,
  revision: string,
): Promise<void> {
  const name = `${set.metadata.name}-${index}`;
  const { serviceName } = set.spec;
  return createPod(context, set, {
    metadata: { name, labels: { [hashLabel]: revision, [nameLabel]: name } },
    spec: { hostname: name, ...(serviceName === undefined ? {} : { subdomain: serviceName }) },
  });
}

async function report(
  context: ControllerContext,
  set: StatefulSet,
  pods: readonly Pod[],
  revision: string,
): Promise<void> {
  const active = pods.filter(isActive);
  const updated = active.filter(({ metadata }) => metadata.labels?.[hashLabel] === revision);
  const wanted = set.spec.replicas ?? 1;
  const whole = updated.length === wanted && pods.length === wanted && updated.every(isReady);
  const current = whole ? revision : (set.status?.currentRevision ?? revision);
  await writeStatus(context, plural, set, {
    observedGeneration: set.metadata.generation,
    replicas: active.length,
    readyReplicas: active.filter(isReady).length,
    currentReplicas: active.filter(({ metadata }) => metadata.labels?.[hashLabel] === current).length,
    updatedReplicas: updated.length,
    currentRevision: current,
    updateRevision: revision,
  });
}
