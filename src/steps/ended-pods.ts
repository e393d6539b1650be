import { isPassing } from '../adapters/kube/error.js';
import type { KubeClient } from '../adapters/kube/types.js';
import type { StepContext } from './context.js';
import { workloadName, type ContainerStatus, type Pod, type Workload } from './workloads.js';

/** Why a container of a deleted pod is said to have ended whose kubelet found it removed already. */
const removed = 'ContainerStatusUnknown';

/**
 * Lets the deleted pods of a DaemonSet or StatefulSet go whose containers have all ended, as their kubelet has said.
 * Their successors wait for it, and kubelet 1.20 first lets its collector remove the sandbox, which comes once a minute
 * (kubernetes v1.20 pkg/kubelet/kubelet_pods.go, PodResourcesAreReclaimed): a rollout of five pods one by one would take
 * five minutes. Nothing runs any more, so nobody runs twice. Pods with a claim are left to their kubelet, which still has
 * a volume to unmount. May be called again; what changed meanwhile is left alone, and so is what a busy API could not do
 * (429, 500 and above, no answer): whoever waits for the rollout calls again.
 * @returns `namespace/name` of those that were let go
 * @throws Error when the API refuses for another reason
 */
export async function letEndedPodsGo(
  workload: Workload,
  { kube }: Pick<StepContext, 'kube'>,
): Promise<string[]> {
  if (workload.kind === 'Deployment') return [];
  const pods = await kube().list<Pod>(podsPath(workload));
  const ended = pods.filter((pod) => isOf(pod, workload) && mayGo(pod));
  const gone = await Promise.all(ended.map((pod) => letGo(pod, kube())));
  return ended
    .filter((_, index) => gone[index])
    .map(({ metadata }) => `${metadata.namespace ?? ''}/${metadata.name}`);
}

/** As `containersEnded`, and no volume of a claim is mounted: the API may forget it. */
export function mayGo(pod: Pod): boolean {
  const { volumes = [] } = pod.spec;
  return containersEnded(pod) && volumes.every((volume) => volume.persistentVolumeClaim === undefined);
}

/** Deleted, and every container that it had has ended by its kubelet's word: nothing of it runs or will run again. */
export function containersEnded({ metadata, status = {} }: Pod): boolean {
  const states = [
    ...(status.containerStatuses ?? []),
    ...(status.initContainerStatuses ?? []),
    ...(status.ephemeralContainerStatuses ?? []),
  ];
  return (
    metadata.deletionTimestamp !== undefined &&
    (status.containerStatuses ?? []).length > 0 &&
    states.every((state) => isOver(state))
  );
}

/**
 * kubelet says `terminated`; or, when the container was removed before it looked, `waiting` after an end that it infers.
 * It says so of deleted pods alone, whose containers it does not start again (kubernetes v1.20
 * pkg/kubelet/kubelet_pods.go, convertToAPIContainerStatuses).
 */
function isOver({ state = {}, lastState = {} }: ContainerStatus): boolean {
  if (state.running !== undefined) return false;
  return (
    state.terminated !== undefined ||
    (state.waiting !== undefined && lastState.terminated?.reason === removed)
  );
}

function podsPath({ kind, metadata, spec }: Workload): string {
  const labels = Object.entries(spec.selector?.matchLabels ?? {}).map(([key, value]) => `${key}=${value}`);
  if (metadata.namespace === undefined || labels.length === 0)
    throw new Error(
      `${workloadName({ kind, metadata })}: found neither namespace nor selector; expected both`,
    );
  const selector = encodeURIComponent(labels.join(','));
  return `/api/v1/namespaces/${metadata.namespace}/pods?labelSelector=${selector}`;
}

function isOf({ metadata }: Pod, { metadata: owner }: Workload): boolean {
  return (metadata.ownerReferences ?? []).some(
    ({ uid, controller }) => controller === true && uid === owner.uid,
  );
}

/**
 * The preconditions hold the pod to what was seen: a successor of the same name, or a change, is not deleted.
 * @returns false when the API was too busy
 */
async function letGo({ metadata }: Pod, kube: KubeClient): Promise<boolean> {
  const path = `/api/v1/namespaces/${metadata.namespace ?? ''}/pods/${metadata.name}`;
  const { uid, resourceVersion } = metadata;
  const options = {
    apiVersion: 'v1',
    kind: 'DeleteOptions',
    gracePeriodSeconds: 0,
    preconditions: { uid, resourceVersion },
  };
  const answer = await kube.request('DELETE', path, options).catch((error: unknown) => {
    if (isPassing(error)) return undefined;
    throw error;
  });
  if (!answer) return false;
  const { status, text } = answer;
  if ([200, 202, 404, 409].includes(status)) return true;
  if (status === 429 || status >= 500) return false;
  throw new Error(`DELETE ${path} of a pod that has ended: status ${status}, ${text.slice(0, 200)}`);
}
