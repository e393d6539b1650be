import { timestamp } from '../kube/objects.js';
import type { HollowNode } from '../node/node.js';
import type { Pod } from './pod.js';
import type { RunningPod } from './runtime.js';

/** What a kubelet reports of a pod. */
export function podStatus(
  { pod, address, containers }: RunningPod,
  node: HollowNode,
  ready: ReadonlySet<string>,
): object {
  const allReady = containers.every(({ name }) => ready.has(name));
  const condition = (type: string, isTrue: boolean): object => ({
    type,
    status: isTrue ? 'True' : 'False',
    lastTransitionTime: timestamp(),
  });
  return {
    phase: containers.every(({ startedAt }) => startedAt > 0) ? 'Running' : 'Pending',
    hostIP: node.address,
    podIP: address,
    podIPs: [{ ip: address }],
    startTime: timestamp(),
    conditions: [
      condition('Initialized', true),
      condition('Ready', allReady),
      condition('ContainersReady', allReady),
      condition('PodScheduled', true),
    ],
    containerStatuses: containers.map(({ name, image, process, startedAt, restarts }) => ({
      name,
      image,
      imageID: image,
      ready: ready.has(name),
      started: process !== undefined,
      restartCount: restarts,
      state: process
        ? { running: { startedAt: timestamp(startedAt) } }
        : { waiting: { reason: pod.metadata.name === '' ? 'Error' : 'CrashLoopBackOff' } },
    })),
  };
}

/**
 * Whether the API shows the readiness of a pod as it is: of each container, and of the whole, which is taken away from the
 * pods of a node that was not Ready for a while.
 */
export function showsReadiness(
  { status }: Pod,
  containers: readonly string[],
  ready: ReadonlySet<string>,
): boolean {
  const shown = new Set(status?.containerStatuses?.filter((each) => each.ready).map(({ name }) => name));
  const whole =
    status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') ?? false;
  return (
    whole === containers.every((name) => ready.has(name)) &&
    containers.every((name) => shown.has(name) === ready.has(name))
  );
}

/** What it reports of its node. `message` says why it is not Ready. */
export function nodeStatus(node: HollowNode, images: readonly string[], message?: string): object {
  const now = timestamp();
  const condition = (type: string, status: string, reason: string): object => ({
    type,
    status,
    reason,
    message: type === 'Ready' ? (message ?? 'kubelet is posting ready status') : '',
    lastHeartbeatTime: now,
    lastTransitionTime: now,
  });
  return {
    addresses: [
      { type: 'InternalIP', address: node.address },
      { type: 'Hostname', address: node.name },
    ],
    capacity: { cpu: '2', memory: '7Gi', pods: '110' },
    allocatable: { cpu: '2', memory: '7Gi', pods: '110' },
    conditions: [
      condition('MemoryPressure', 'False', 'KubeletHasSufficientMemory'),
      condition('DiskPressure', 'False', 'KubeletHasNoDiskPressure'),
      condition(
        'Ready',
        message === undefined ? 'True' : 'False',
        message === undefined ? 'KubeletReady' : 'KubeletNotReady',
      ),
    ],
    daemonEndpoints: { kubeletEndpoint: { Port: 10250 } },
    images: images.map((name) => ({ names: [name], sizeBytes: 1 })),
    nodeInfo: {
      kubeletVersion: 'v1.20.2',
      kubeProxyVersion: 'v1.20.2',
      operatingSystem: 'linux',
      architecture: 'amd64',
      containerRuntimeVersion: 'containerd://1.6.20',
    },
  };
}
