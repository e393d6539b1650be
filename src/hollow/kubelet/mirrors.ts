import type { Client } from '../client/client.js';
import type { HollowNode } from '../node/node.js';
import { podPath, type Pod } from './pod.js';
import type { Readiness } from './readiness.js';
import type { RunningPod, Runtime } from './runtime.js';
import { podStatus } from './status.js';

const retryMs = 300;

/** The pods of the manifests: run whether the API answers or not, and shown in it as mirror pods. */
export class StaticPods {
  readonly #node: HollowNode;
  readonly #runtime: Runtime;
  readonly #readiness: Readiness;
  #client: Client | undefined;
  readonly #wanted = new Map<string, Pod>();
  readonly #ending = new Map<string, Promise<void>>();
  #stopped = false;

  constructor(node: HollowNode, runtime: Runtime, readiness: Readiness) {
    this.#node = node;
    this.#runtime = runtime;
    this.#readiness = readiness;
  }

  /** From when on mirrors can be shown. */
  connect(client: Client): void {
    this.#client = client;
    for (const pod of this.#wanted.values()) void this.#show(pod);
  }

  stop(): void {
    this.#stopped = true;
  }

  /** What the folder of manifests holds now. A pod whose file went ends, one whose file came starts. */
  update(pods: ReadonlyMap<string, Pod>): void {
    const wanted = new Map([...pods.values()].map((pod) => [pod.metadata.uid ?? '', pod]));
    for (const uid of this.#wanted.keys()) if (!wanted.has(uid)) this.#wanted.delete(uid);
    // What an earlier kubelet started and this one does not find ends too.
    for (const running of this.#runtime.pods) {
      const uid = running.pod.metadata.uid ?? '';
      if (running.pod.metadata.annotations?.['kubernetes.io/config.source'] === 'file' && !wanted.has(uid))
        void this.#end(running);
    }
    for (const [uid, pod] of wanted) {
      if (this.#wanted.has(uid)) continue;
      this.#wanted.set(uid, pod);
      void this.#begin(pod);
    }
  }

  /** Tells the API how a static pod is. */
  async report(running: RunningPod): Promise<void> {
    await this.#again(async (client) => {
      const status = podStatus(running, this.#node, this.#readiness.readyOf(running));
      await client.patch(`${podPath(running.pod)}/status`, { status }, 'merge');
    }, running.pod.metadata.uid ?? '');
  }

  async #begin(pod: Pod): Promise<void> {
    const { uid = '', name } = pod.metadata;
    // The pod of this name that ended must be gone first, as for kubelet one name is one pod.
    await this.#ending.get(name);
    if (this.#stopped || !this.#wanted.has(uid)) return;
    const known = this.#runtime.pod(uid);
    const volumes = new Map(
      (pod.spec.volumes ?? []).map(({ name: volume, hostPath }) => [
        volume,
        this.#node.path(hostPath?.path ?? '/'),
      ]),
    );
    const running = known ?? this.#runtime.start(pod, '', volumes);
    this.#readiness.follow(running);
    await this.#show(pod);
  }

  async #end(running: RunningPod): Promise<void> {
    const { pod } = running;
    if (running.ending) return;
    this.#readiness.forget(running);
    const ended = this.#runtime.stop(running, (pod.spec.terminationGracePeriodSeconds ?? 30) * 1000);
    this.#ending.set(pod.metadata.name, ended);
    await ended;
    if (this.#ending.get(pod.metadata.name) === ended) this.#ending.delete(pod.metadata.name);
    await this.#again((client) => client.delete(podPath(pod), { gracePeriodSeconds: 0 }), undefined);
  }

  async #show(pod: Pod): Promise<void> {
    const { uid = '', namespace = '' } = pod.metadata;
    await this.#again(async (client) => {
      const metadata = { ...pod.metadata, uid: undefined };
      await client
        .create(`/api/v1/namespaces/${namespace}/pods`, { ...pod, metadata })
        .catch((error: unknown) => {
          if ((error as { status?: number }).status !== 409) throw error;
        });
    }, uid);
    const running = this.#runtime.pod(uid);
    if (running) await this.report(running);
  }

  /** Until it works, the pod is not wanted any more, or this kubelet stops. */
  async #again(work: (client: Client) => Promise<void>, uid: string | undefined): Promise<void> {
    while (!this.#stopped && (uid === undefined || this.#wanted.has(uid))) {
      try {
        if (!this.#client) return;
        await work(this.#client);
        return;
      } catch {
        // The API server may be one of these very pods: later.
        await new Promise((resolve) => setTimeout(resolve, retryMs));
      }
    }
  }
}
