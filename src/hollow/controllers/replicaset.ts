import { controllerOf, keyOf } from '../kube/objects.js';
import { pathOf } from '../kube/resources.js';
import { generatedName } from '../kube/generated-name.js';
import { isStatus } from '../client/client.js';
import { split, type Controller, type ControllerContext } from './context.js';
import {
  availability,
  createPod,
  deletePod,
  isActive,
  isReady,
  podsOf,
  writeStatus,
  type Pod,
  type Workload,
} from './pods.js';
import type { Outcome } from './work-queue.js';

const plural = 'replicasets';

/** Keeps as many pods as each ReplicaSet wants. */
export const replicaSets: Controller = (context) => {
  const queue = context.queue('replicaset', (key) => reconcile(context, key));
  context.watch(plural, (now) => {
    if (now) queue.add(keyOf(now));
  });
  context.watch<Pod>('pods', (now, before) => {
    const pod = now ?? before;
    const owner = pod && controllerOf(pod);
    if (pod && owner?.kind === 'ReplicaSet') queue.add(`${pod.metadata.namespace ?? ''}/${owner.name}`);
  });
};

async function reconcile(context: ControllerContext, key: string): Promise<Outcome> {
  const { namespace, name } = split(key);
  const set = await found(context, namespace, name);
  if (!set || set.metadata.deletionTimestamp !== undefined) return undefined;
  const pods = await podsOf(context, set);
  const active = pods.filter(isActive);
  const wanted = set.spec.replicas ?? 1;
  for (let count = active.length; count < wanted; count += 1)
    await createPod(context, set, { metadata: { name: generatedName(`${name}-`) } });
  for (const pod of inOrderOfWorth(active).slice(0, Math.max(0, active.length - wanted)))
    await deletePod(context, pod);
  const { available, againMs } = availability(active, set);
  await writeStatus(context, plural, set, {
    replicas: active.length,
    fullyLabeledReplicas: active.length,
    readyReplicas: active.filter(isReady).length,
    availableReplicas: available,
    observedGeneration: set.metadata.generation,
  });
  return againMs;
}

async function found(
  { client }: ControllerContext,
  namespace: string,
  name: string,
): Promise<Workload | undefined> {
  try {
    return await client.get<Workload>(pathOf(plural, namespace, name));
  } catch (error) {
    if (isStatus(error, 404)) return undefined;
    throw error;
  }
}

/** Those that are missed least come first: on no node, not ready, young. */
function inOrderOfWorth(pods: readonly Pod[]): Pod[] {
  const worth = (pod: Pod): number => (pod.spec.nodeName === undefined ? 0 : isReady(pod) ? 2 : 1);
  const age = ({ metadata }: Pod): string => metadata.creationTimestamp ?? '';
  return pods.toSorted((a, b) => worth(a) - worth(b) || age(b).localeCompare(age(a)));
}
