import { Client, isStatus } from '../client/client.js';
import { readKubeconfig } from '../client/config.js';
import type { Timings } from '../contracts.js';
import type { KubeObject } from '../kube/objects.js';
import type { Pod } from '../kubelet/pod.js';
import type { HollowNode } from '../node/node.js';
import { adminUser, type ClusterPlan } from './plan.js';
import { workloads } from './workloads.js';

interface Node extends KubeObject {
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}
interface ApiService extends KubeObject {
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

const patienceMs = 120_000;

/** The cluster's administrator, on the first master: brings in what runs in the cluster, and sees whether it is well. */
export class Admin {
  readonly #plan: ClusterPlan;
  readonly #node: HollowNode;
  readonly #timings: Timings;
  #current: Client | undefined;

  constructor(plan: ClusterPlan, node: HollowNode, timings: Timings) {
    this.#plan = plan;
    this.#node = node;
    this.#timings = timings;
  }

  /** With the kubeconfig that lies on the master now. */
  get client(): Client {
    this.#current ??= new Client(
      this.#node,
      readKubeconfig(this.#node, `/home/${adminUser}/.kube/config`),
      this.#timings,
    );
    return this.#current;
  }

  /** The next request reads the kubeconfig again. */
  reread(): void {
    this.close();
  }

  close(): void {
    this.#current?.close();
    this.#current = undefined;
  }

  /** Waits for the nodes, labels them, creates the workloads and waits until all is well. */
  async furnish(say: (line: string) => void): Promise<void> {
    await this.#until('all nodes are registered', async () => {
      const { items } = await this.client.list<Node>('/api/v1/nodes');
      return items.length === this.#plan.nodes.length;
    });
    say(`${this.#plan.nodes.length} nodes are registered`);
    for (const { name, role } of this.#plan.nodes) {
      const labels = { 'kubernetes.io/role': role, [`node-role.kubernetes.io/${role}`]: '' };
      await this.client.patch(`/api/v1/nodes/${name}`, { metadata: { labels } }, 'merge');
    }
    for (const { collection, object } of workloads())
      await this.client.create(collection, object).catch((error: unknown) => {
        if (!isStatus(error, 409)) throw error;
      });
    await this.well();
    say('all pods are ready');
  }

  /** Waits until every node and every pod is Ready and every aggregated API is available. @throws Error saying what is not */
  async well(): Promise<void> {
    await this.#until('nodes, pods and aggregated APIs are well', () => this.#ailment());
  }

  /** True, or what is wrong. */
  async #ailment(): Promise<true | string> {
    const [nodes, pods, services] = await Promise.all([
      this.client.list<Node>('/api/v1/nodes'),
      this.client.list<Pod>('/api/v1/pods'),
      this.client.list<ApiService>('/apis/apiregistration.k8s.io/v1/apiservices'),
    ]);
    const isTrue = (type: string, conditions: readonly { type: string; status: string }[] = []): boolean =>
      conditions.some((condition) => condition.type === type && condition.status === 'True');
    const sick = [
      ...nodes.items.filter(({ status }) => !isTrue('Ready', status?.conditions)),
      ...pods.items.filter(({ status }) => !isTrue('Ready', status?.conditions)),
      ...services.items.filter(({ status }) => !isTrue('Available', status?.conditions)),
    ].map(({ metadata }) => metadata.name);
    const missing = this.#expectedPods() - pods.items.length;
    if (missing > 0) return `${missing} pods are missing`;
    return sick.length === 0 ? true : `not ready: ${sick.join(', ')}`;
  }

  /** Four static pods a master, kube-proxy and each-node on every node, two each of web, ordered and aggregated. */
  #expectedPods(): number {
    const masters = this.#plan.nodes.filter(({ role }) => role === 'master').length;
    return 4 * masters + 2 * this.#plan.nodes.length + 6;
  }

  async #until(what: string, look: () => Promise<boolean | string>): Promise<void> {
    const until = Date.now() + patienceMs;
    for (let seen = 'nothing yet'; ;) {
      try {
        const found = await look();
        if (found === true) return;
        if (typeof found === 'string') seen = found;
      } catch (error) {
        seen = (error as Error).message;
      }
      if (Date.now() > until)
        throw new Error(`the hollow cluster: not so after ${patienceMs / 1000} s that ${what}: ${seen}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}
