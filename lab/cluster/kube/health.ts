import type { Kubectl } from './kubectl.js';

interface Condition {
  readonly type: string;
  readonly status: string;
  /** RFC 3339, on nodes. */
  readonly lastHeartbeatTime?: string;
}
export interface NodeObject {
  readonly metadata: { readonly name: string };
  readonly status: { readonly conditions?: readonly Condition[] };
}
interface ContainerStatus {
  readonly state?: { readonly running?: { readonly startedAt: string } };
}
export interface PodObject {
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly deletionTimestamp?: string;
  };
  readonly spec: { readonly nodeName?: string };
  readonly status: {
    readonly phase?: string;
    readonly conditions?: readonly Condition[];
    readonly containerStatuses?: readonly ContainerStatus[];
  };
}
export interface ServiceObject {
  readonly metadata: { readonly name: string };
  readonly status?: { readonly conditions?: readonly Condition[] };
}

/** What the API lists. */
export interface Listed {
  readonly nodes: readonly NodeObject[];
  readonly pods: readonly PodObject[];
  readonly services: readonly ServiceObject[];
}

/** When nodes were booted: whatever the API says of them from before that is not true any more. */
export interface Boots {
  /** Milliseconds since 1970. */
  readonly time: number;
  /** Names of the nodes that were booted then. */
  readonly nodes: ReadonlySet<string>;
}

/** What is seen of a cluster through its API, with the names of what is not well. */
export interface Health {
  readonly nodes: number;
  readonly nodesNotReady: readonly string[];
  readonly pods: number;
  readonly podsNotReady: readonly string[];
  readonly aggregatedNotAvailable: readonly string[];
}

const noBoots: Boots = { time: 0, nodes: new Set() };

/** Asks the API for nodes, pods and aggregated API servers. */
export async function clusterHealth(kubectl: Kubectl, boots = noBoots): Promise<Health> {
  const [nodes, pods, services] = await Promise.all([
    kubectl.list<NodeObject>(['nodes']),
    kubectl.list<PodObject>(['pods', '--all-namespaces']),
    kubectl.list<ServiceObject>(['apiservices']),
  ]);
  return healthOf({ nodes, pods, services }, boots);
}

/** Judges what the API listed. */
export function healthOf({ nodes, pods, services }: Listed, boots: Boots): Health {
  const ended = (pod: PodObject): boolean => pod.status.phase === 'Succeeded';
  return {
    nodes: nodes.length,
    nodesNotReady: nodes.filter((node) => !isNodeReady(node, boots)).map((node) => node.metadata.name),
    pods: pods.length,
    podsNotReady: pods
      .filter((pod) => !ended(pod) && !isPodReady(pod, boots))
      .map(({ metadata }) => `${metadata.namespace}/${metadata.name}`),
    aggregatedNotAvailable: services
      .filter((each) => !is(each.status?.conditions, 'Available'))
      .map((each) => each.metadata.name),
  };
}

const is = (conditions: readonly Condition[] | undefined, type: string): boolean =>
  conditions?.some((each) => each.type === type && each.status === 'True') ?? false;

/** Times in the API are whole seconds, cut off. */
const since = (time: string | undefined, boots: Boots): boolean =>
  time !== undefined && Date.parse(time) + 999 >= boots.time;

function isNodeReady(node: NodeObject, boots: Boots): boolean {
  const ready = node.status.conditions?.find((each) => each.type === 'Ready');
  if (ready?.status !== 'True') return false;
  return !boots.nodes.has(node.metadata.name) || since(ready.lastHeartbeatTime, boots);
}

function isPodReady(pod: PodObject, boots: Boots): boolean {
  if (pod.metadata.deletionTimestamp !== undefined || !is(pod.status.conditions, 'Ready')) return false;
  if (!boots.nodes.has(pod.spec.nodeName ?? '')) return true;
  return pod.status.containerStatuses?.every((each) => since(each.state?.running?.startedAt, boots)) ?? false;
}

/** What keeps a cluster from being well, in a few words each; empty when nothing does. */
export function ailments(health: Health, expected: { nodes: number; pods: number }): string[] {
  const few = (names: readonly string[]): string =>
    names.slice(0, 4).join(', ') + (names.length > 4 ? ', …' : '');
  return [
    ...(health.nodes < expected.nodes ? [`${health.nodes} of ${expected.nodes} nodes`] : []),
    ...(health.nodesNotReady.length > 0 ? [`nodes not Ready: ${few(health.nodesNotReady)}`] : []),
    ...(health.pods < expected.pods ? [`${health.pods} of ${expected.pods} pods`] : []),
    ...(health.podsNotReady.length > 0 ? [`pods not Ready: ${few(health.podsNotReady)}`] : []),
    ...(health.aggregatedNotAvailable.length > 0
      ? [`APIServices not available: ${few(health.aggregatedNotAvailable)}`]
      : []),
  ];
}

/**
 * Pods of a healthy lab: 4 static ones a master, kube-proxy and each-node on every node, and two each of web, ordered
 * and aggregated.
 */
export function expectedPods(masters: number, agents: number): number {
  return 4 * masters + 2 * (masters + agents) + 6;
}
