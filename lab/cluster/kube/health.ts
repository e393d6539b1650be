import type { Kubectl } from './kubectl.js';

interface Condition {
  readonly type: string;
  readonly status: string;
}
interface NodeObject {
  readonly metadata: { readonly name: string };
  readonly status: { readonly conditions?: readonly Condition[] };
}
interface PodObject {
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly deletionTimestamp?: string;
  };
  readonly spec: { readonly nodeName?: string };
  readonly status: { readonly phase?: string; readonly conditions?: readonly Condition[] };
}
interface ServiceObject {
  readonly metadata: { readonly name: string };
  readonly status?: { readonly conditions?: readonly Condition[] };
}

/** What is seen of a cluster through its API, with the names of what is not well. */
export interface Health {
  readonly nodes: number;
  readonly nodesNotReady: readonly string[];
  readonly pods: number;
  readonly podsNotReady: readonly string[];
  readonly aggregatedNotAvailable: readonly string[];
}

const is = (conditions: readonly Condition[] | undefined, type: string): boolean =>
  conditions?.some((each) => each.type === type && each.status === 'True') ?? false;

/** Asks the API for nodes, pods and aggregated API servers. */
export async function clusterHealth(kubectl: Kubectl): Promise<Health> {
  const [nodes, pods, services] = await Promise.all([
    kubectl.list<NodeObject>(['nodes']),
    kubectl.list<PodObject>(['pods', '--all-namespaces']),
    kubectl.list<ServiceObject>(['apiservices']),
  ]);
  const ready = (pod: PodObject): boolean =>
    pod.metadata.deletionTimestamp === undefined && is(pod.status.conditions, 'Ready');
  return {
    nodes: nodes.length,
    nodesNotReady: nodes
      .filter((node) => !is(node.status.conditions, 'Ready'))
      .map((node) => node.metadata.name),
    pods: pods.length,
    podsNotReady: pods
      .filter((pod) => !ready(pod))
      .map((pod) => `${pod.metadata.namespace}/${pod.metadata.name}`),
    aggregatedNotAvailable: services
      .filter((each) => !is(each.status?.conditions, 'Available'))
      .map((each) => each.metadata.name),
  };
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

/** Pods of a healthy lab: 4 static ones a master, kube-proxy and each-node on every node, 2 web, 2 ordered, 2 aggregated. */
export function expectedPods(masters: number, agents: number): number {
  return 4 * masters + 2 * (masters + agents) + 6;
}
