import { Client } from '../client/client.js';
import { readKubeconfig, type ClientConfig } from '../client/config.js';
import type { Listener, Program } from '../contracts.js';
import type { KubeObject } from '../kube/objects.js';
import type { HollowNode } from '../node/node.js';
import { running as runningProgram, type Work } from '../programs/running.js';
import { ApiPods, isStatic } from './api-pods.js';
import { currentPair, hasClientCertificate, requestClientCertificate } from './client-certificate.js';
import { readKubeletFlags, type KubeletFlags } from './flags.js';
import { StaticPods } from './mirrors.js';
import { Readiness } from './readiness.js';
import type { Runtime } from './runtime.js';
import { KubeletPort } from './serving.js';
import { ManifestFolder } from './static-pods.js';
import { nodeStatus, showsReadiness } from './status.js';

export interface KubeletOptions {
  readonly node: HollowNode;
  readonly runtime: Runtime;
  /** The first three parts of its pods' addresses. */
  readonly podNetwork: string;
}

/** The kubelet of one machine, to be started by its service manager. */
export function kubelet(options: KubeletOptions): Program {
  let starts = 0;
  return {
    start: (argv, machine) =>
      runningProgram(machine, () => {
        starts += 1;
        return new Kubelet(options, readKubeletFlags(argv.slice(1)), starts);
      }),
  };
}

/** One start in so many is followed by a report of NotReady, as measured (3 of 15). */
const notReadyEvery = 5;

class Kubelet implements Work {
  readonly #node: HollowNode;
  readonly #runtime: Runtime;
  readonly #flags: KubeletFlags;
  readonly #starts: number;
  readonly #config: ClientConfig;
  readonly #port: KubeletPort;
  readonly #readiness: Readiness;
  readonly #static: StaticPods;
  readonly #folder: ManifestFolder;
  readonly #podNetwork: string;
  readonly #ended: Promise<void>;
  #end: () => void = () => undefined;
  #health: Listener | undefined;
  #client: Client | undefined;
  #pods: ApiPods | undefined;
  #reporting: NodeJS.Timeout | undefined;
  #stopped = false;

  /** Reads what it trusts, once. */
  constructor({ node, runtime, podNetwork }: KubeletOptions, flags: KubeletFlags, starts: number) {
    this.#node = node;
    this.#runtime = runtime;
    this.#flags = flags;
    this.#starts = starts;
    this.#podNetwork = podNetwork;
    this.#config = readKubeconfig(node, flags.kubeconfig);
    this.#port = new KubeletPort(node, flags, node.timings);
    this.#ended = new Promise((resolve) => (this.#end = resolve));
    this.#readiness = new Readiness(node, (pod) => this.#report(pod));
    this.#static = new StaticPods(node, runtime, this.#readiness);
    this.#folder = new ManifestFolder(node, flags.manifests, (pods) => this.#static.update(pods));
  }

  async run(): Promise<void> {
    const { kubeletStartMs, podStartMs } = this.#node.timings;
    await new Promise((resolve) => setTimeout(resolve, kubeletStartMs));
    if (this.#stopped) return;
    this.#runtime.onChange = (pod) => {
      this.#readiness.follow(pod);
      this.#report(pod);
    };
    this.#readiness.start(Math.max(podStartMs, 1_000));
    this.#folder.start();
    await this.#openPorts();
    if (this.#isStopped()) return;
    await this.#connect();
    await this.#ended;
  }

  /** What was asked to stop meanwhile must not keep a port from its successor. */
  async #openPorts(): Promise<void> {
    await this.#port.open();
    const health = await this.#node.listen(this.#flags.healthzPort, (socket) => {
      socket.on('error', () => undefined);
      // What is not read hides the end of the connection, and the socket would stay.
      socket.resume().end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok');
    });
    this.#health = health;
    if (!this.#isStopped()) return;
    health.close();
    this.#port.close();
  }

  stop(): void {
    this.#stopped = true;
    clearInterval(this.#reporting);
    this.#folder.stop();
    this.#static.stop();
    this.#pods?.stop();
    this.#readiness.stop();
    this.#client?.close();
    this.#health?.close();
    this.#port.close();
    this.#end();
  }

  #isStopped(): boolean {
    return this.#stopped;
  }

  /** As itself, with a certificate of its own when it is to have one. */
  async #connect(): Promise<void> {
    const own = this.#flags.rotateCertificates;
    if (own && !hasClientCertificate(this.#node))
      await requestClientCertificate(this.#node, this.#config, this.#node.timings, () => this.#isStopped());
    if (this.#isStopped()) return;
    const config = own
      ? { ...this.#config, pair: { certFile: currentPair, keyFile: currentPair } }
      : this.#config;
    const client = new Client(this.#node, config, this.#node.timings);
    this.#client = client;
    await this.#register(client);
    if (this.#isStopped()) return;
    this.#reportNode(
      client,
      this.#starts % notReadyEvery === 0
        ? 'container runtime status check may not have completed yet'
        : undefined,
    );
    this.#reporting = setInterval(() => {
      this.#reportNode(client);
      this.#reconcile();
    }, this.#node.timings.nodeStatusMs);
    this.#static.connect(client);
    this.#pods = new ApiPods(this.#node, this.#runtime, client, this.#readiness, this.#podNetwork);
    this.#pods.start();
  }

  /** Until the API has the node and this kubelet knows where the API's Service is. */
  async #register(client: Client): Promise<void> {
    const { name } = this.#node;
    const { labels, taints } = this.#flags;
    const own = { 'kubernetes.io/hostname': name, 'kubernetes.io/os': 'linux', ...labels };
    let said = '';
    while (!this.#isStopped()) {
      try {
        await client
          .create('/api/v1/nodes', {
            apiVersion: 'v1',
            kind: 'Node',
            metadata: { name, labels: own },
            spec: { taints },
          })
          .catch((error: unknown) => {
            if ((error as { status?: number }).status !== 409) throw error;
          });
        const service = await client.get<
          KubeObject & { spec?: { clusterIP?: string; ports?: { port: number }[] } }
        >('/api/v1/namespaces/default/services/kubernetes');
        const { clusterIP = '', ports = [] } = service.spec ?? {};
        this.#node.podEnvironment = {
          KUBERNETES_SERVICE_HOST: clusterIP,
          KUBERNETES_SERVICE_PORT: String(ports[0]?.port ?? 443),
        };
        return;
      } catch (error) {
        const { message } = error as Error;
        if (message !== said) this.#node.log(`kubelet: cannot register: ${message}`);
        said = message;
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
    }
  }

  #reportNode(client: Client, notReady?: string): void {
    const status = nodeStatus(this.#node, [this.#flags.pauseImage], notReady);
    client.patch(`/api/v1/nodes/${this.#node.name}/status`, { status }, 'merge').catch((error: unknown) => {
      // The next period tells it again.
      this.#node.log(`kubelet: node status: ${(error as Error).message}`);
    });
  }

  /** What was told last may have come first: a pod that the API shows otherwise than it is is told again. */
  #reconcile(): void {
    for (const pod of this.#runtime.pods) {
      const shown = this.#pods?.shown(pod.pod);
      const names = pod.containers.map(({ name }) => name);
      if (shown?.status && !showsReadiness(shown, names, this.#readiness.readyOf(pod))) this.#report(pod);
    }
  }

  #report(pod: Parameters<Runtime['onChange']>[0]): void {
    if (this.#stopped) return;
    if (isStatic(pod.pod)) void this.#static.report(pod);
    else void this.#pods?.report(pod);
  }
}
