import { isStatus } from '../client/client.js';
import { controllerOf, keyOf, type KubeObject } from '../kube/objects.js';
import { generatedName } from '../kube/generated-name.js';
import { pathOf } from '../kube/resources.js';
import { split, type Controller, type ControllerContext } from './context.js';
import {
  availability,
  createPod,
  deletePod,
  isActive,
  isReady,
  podsOf,
  share,
  templateHash,
  writeStatus,
  type Pod,
  type Workload,
} from './pods.js';
import { takes, type Node, type Toleration } from './tolerations.js';
import type { Outcome } from './work-queue.js';

const plural = 'daemonsets';
const hashLabel = 'controller-revision-hash';

interface DaemonSet extends Workload {
  spec: Workload['spec'] & {
    updateStrategy?: { type?: string; rollingUpdate?: { maxUnavailable?: number | string } };
  };
}

/** One pod of each DaemonSet on each node that takes it; new ones come when the old one is gone. */
export const daemonSets: Controller = (context) => {
  const queue = context.queue('daemonset', (key) => reconcile(context, key));
  const sets = context.watch(plural, (now) => {
    if (now) queue.add(keyOf(now));
  });
  context.watch('nodes', (now, before) => {
    if (!now || !before) for (const set of sets.all) queue.add(keyOf(set));
  });
  context.watch<Pod>('pods', (now, before) => {
    const pod = now ?? before;
    const owner = pod && controllerOf(pod);
    if (pod && owner?.kind === 'DaemonSet') queue.add(`${pod.metadata.namespace ?? ''}/${owner.name}`);
  });
};

async function reconcile(context: ControllerContext, key: string): Promise<Outcome> {
  const { namespace, name } = split(key);
  const set = await read(context, namespace, name);
  if (!set || set.metadata.deletionTimestamp !== undefined) return undefined;
  const { items: nodes } = await context.client.list<Node>(pathOf('nodes'));
  const home = nodes.filter((node) => takes(node, set.spec.template.spec as PodSpec, daemonTolerations));
  const pods = await podsOf(context, set);
  const hash = templateHash(set.spec.template);
  for (const { metadata } of home)
    if (!pods.some(isOn(metadata.name))) await create(context, set, metadata.name, hash);
  for (const pod of surplus(pods, home)) await deletePod(context, pod);
  await update(context, set, home, pods, hash);
  return report(context, set, home, pods, hash);
}

type PodSpec = { nodeSelector?: Record<string, string>; tolerations?: Toleration[] };

/** Every DaemonSet's pods take these (source: AddOrUpdateDaemonPodTolerations). */
const daemonTolerations: readonly Toleration[] = [
  { key: 'node.kubernetes.io/not-ready', operator: 'Exists' },
  { key: 'node.kubernetes.io/unreachable', operator: 'Exists' },
  { key: 'node.kubernetes.io/unschedulable', operator: 'Exists' },
];

const isOn =
  (node: string) =>
  ({ spec }: Pod): boolean =>
    spec.nodeName === node;

async function read(
  { client }: ControllerContext,
  namespace: string,
  name: string,
): Promise<DaemonSet | undefined> {
  try {
    return await client.get<DaemonSet>(pathOf(plural, namespace, name));
  } catch (error) {
    if (isStatus(error, 404)) return undefined;
    throw error;
  }
}

/** The real one leaves the choice to the scheduler, with an affinity for this one node. */
function create(context: ControllerContext, set: DaemonSet, node: string, hash: string): Promise<void> {
  const tolerations = (set.spec.template.spec as PodSpec).tolerations ?? [];
  return createPod(context, set, {
    metadata: { name: generatedName(`${set.metadata.name}-`), labels: { [hashLabel]: hash } },
    spec: { nodeName: node, tolerations: [...tolerations, ...daemonTolerations] },
  });
}

/** Pods on nodes that take them no longer, and second ones. */
function surplus(pods: readonly Pod[], home: readonly KubeObject[]): Pod[] {
  const names = new Set(home.map(({ metadata }) => metadata.name));
  const kept = new Set<string>();
  return pods.filter((pod) => {
    const node = pod.spec.nodeName ?? '';
    if (!isActive(pod)) return false;
    if (names.has(node) && !kept.has(node)) {
      kept.add(node);
      return false;
    }
    return true;
  });
}

async function update(
  context: ControllerContext,
  { spec }: DaemonSet,
  home: readonly KubeObject[],
  pods: readonly Pod[],
  hash: string,
): Promise<void> {
  if (spec.updateStrategy?.type === 'OnDelete') return;
  const old = pods.filter((pod) => isActive(pod) && pod.metadata.labels?.[hashLabel] !== hash);
  const most = Math.max(1, share(spec.updateStrategy?.rollingUpdate?.maxUnavailable ?? 1, home.length, 'up'));
  const up = pods.filter((pod) => isActive(pod) && isReady(pod)).length;
  const broken = old.filter((pod) => !isReady(pod));
  const room = Math.max(0, most - (home.length - up));
  for (const pod of [...broken, ...old.filter(isReady).slice(0, room)]) await deletePod(context, pod);
}

async function report(
  context: ControllerContext,
  set: DaemonSet,
  home: readonly KubeObject[],
  pods: readonly Pod[],
  hash: string,
): Promise<Outcome> {
  const active = pods.filter(isActive);
  const { available, againMs } = availability(active, set);
  await writeStatus(context, plural, set, {
    observedGeneration: set.metadata.generation,
    desiredNumberScheduled: home.length,
    currentNumberScheduled: active.length,
    numberMisscheduled: 0,
    updatedNumberScheduled: active.filter(({ metadata }) => metadata.labels?.[hashLabel] === hash).length,
    numberReady: active.filter(isReady).length,
    numberAvailable: available,
    numberUnavailable: home.length - available,
  });
  return againMs;
}
