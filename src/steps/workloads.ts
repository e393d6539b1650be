import type { KubeObject } from '../adapters/kube/types.js';
import type { Layout } from '../layouts/layout.js';
import type { StepContext } from './context.js';

interface Volume {
  hostPath?: { path: string };
  secret?: { secretName?: string };
  projected?: { sources?: { serviceAccountToken?: object }[] };
  persistentVolumeClaim?: object;
}
export interface ContainerStatus {
  state?: { running?: object; waiting?: object; terminated?: object };
  lastState?: { terminated?: { reason?: string } };
}
export interface PodSpec {
  nodeName?: string;
  volumes?: Volume[];
  automountServiceAccountToken?: boolean;
}
export interface Pod extends KubeObject {
  spec: PodSpec;
  status?: {
    phase?: string;
    containerStatuses?: ContainerStatus[];
    initContainerStatuses?: ContainerStatus[];
    ephemeralContainerStatuses?: ContainerStatus[];
  };
}
export interface Workload extends KubeObject {
  kind: string;
  spec: {
    replicas?: number;
    paused?: boolean;
    updateStrategy?: { type?: string };
    selector?: { matchLabels?: Record<string, string> };
    template: { metadata?: { annotations?: Record<string, string> }; spec: PodSpec };
  };
  status?: {
    observedGeneration?: number;
    replicas?: number;
    updatedReplicas?: number;
    availableReplicas?: number;
    readyReplicas?: number;
    desiredNumberScheduled?: number;
    updatedNumberScheduled?: number;
    numberAvailable?: number;
    currentRevision?: string;
    updateRevision?: string;
  };
}

const kinds = { Deployment: 'deployments', DaemonSet: 'daemonsets', StatefulSet: 'statefulsets' } as const;

/** All Deployments, DaemonSets and StatefulSets. */
export async function workloads({ kube }: Pick<StepContext, 'kube'>): Promise<Workload[]> {
  const lists = await Promise.all(
    Object.entries(kinds).map(async ([kind, resource]) =>
      (await kube().list<Workload>(`/apis/apps/v1/${resource}`)).map((item) => ({ ...item, kind })),
    ),
  );
  return lists.flat();
}

export function workloadPath({ kind, metadata }: Workload): string {
  return `/apis/apps/v1/namespaces/${metadata.namespace ?? ''}/${kinds[kind as keyof typeof kinds]}/${metadata.name}`;
}

export function workloadName({ kind, metadata }: Pick<Workload, 'kind' | 'metadata'>): string {
  return `${kind} ${metadata.namespace ?? ''}/${metadata.name}`;
}

/** Nobody restarts its pods: an operator must. */
export function restartsByHand({ spec }: Workload): boolean {
  return spec.updateStrategy?.type === 'OnDelete' || spec.paused === true;
}

/** The pod mounts certificates or a kubeconfig of its node, by themselves or within a folder. */
export function holdsNodeCredentials(spec: PodSpec, layout: Layout): boolean {
  const mounts = (spec.volumes ?? []).flatMap((volume) => volume.hostPath?.path.replace(/\/+$/, '') ?? []);
  return mounts.some((path) =>
    layout.nodeCredentialPaths.some((own) => isWithin(path, own) || isWithin(own, path)),
  );
}

/** `parent` without a slash at its end; the root is ''. */
function isWithin(path: string, parent: string): boolean {
  return path === parent || path.startsWith(`${parent}/`);
}

/** The pod got a token or the CA when it was started. `tokenSecrets`: keys (`namespace/name`) of token Secrets. */
export function holdsToken(pod: Pod, tokenSecrets: ReadonlySet<string>): boolean {
  return (pod.spec.volumes ?? []).some(
    (volume) =>
      volume.projected?.sources?.some((source) => source.serviceAccountToken !== undefined) === true ||
      tokenSecrets.has(`${pod.metadata.namespace ?? ''}/${volume.secret?.secretName ?? ''}`),
  );
}

/**
 * True when all pods are of the newest template and available, else what is missing.
 * @param away nodes that were left out: a DaemonSet's pods there count for nothing
 */
export function rolledOut(workload: Workload, away = 0): true | string {
  const { status = {}, metadata } = workload;
  if ((status.observedGeneration ?? 0) < (metadata.generation ?? 0))
    return 'its controller has not seen the change';
  const { wanted, updated, available, all } = progress(workload, away);
  if (updated < wanted) return `${updated} of ${wanted} pods are updated`;
  if (all > wanted) return `${all - wanted} old pods are left`;
  return available < wanted ? `${available} of ${wanted} pods are available` : true;
}

interface Progress {
  readonly wanted: number;
  readonly updated: number;
  readonly available: number;
  readonly all: number;
}

/** The three kinds count the same things under different names. */
function progress({ kind, spec, status = {} }: Workload, away: number): Progress {
  if (kind === 'DaemonSet') {
    const {
      desiredNumberScheduled: wanted = 0,
      updatedNumberScheduled: updated = 0,
      numberAvailable: available = 0,
    } = status;
    const needed = Math.max(0, wanted - away);
    return { wanted: needed, updated, available, all: needed };
  }
  const { replicas: wanted = 1 } = spec;
  const { replicas: all = 0, updatedReplicas = 0, availableReplicas = 0, readyReplicas = 0 } = status;
  if (kind === 'Deployment') return { wanted, updated: updatedReplicas, available: availableReplicas, all };
  // A StatefulSet forgets how many were updated once all are.
  const whole = status.currentRevision === status.updateRevision;
  return { wanted, updated: whole ? wanted : updatedReplicas, available: readyReplicas, all };
}
