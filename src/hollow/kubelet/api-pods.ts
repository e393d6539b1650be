import type { Client } from '../client/client.js';
import { Informer } from '../client/informer.js';
import type { HollowNode } from '../node/node.js';
import { mirrorAnnotation, podPath, type Pod } from './pod.js';
import type { Readiness } from './readiness.js';
import type { RunningPod, Runtime } from './runtime.js';
import { podStatus } from './status.js';
import { mountVolumes } from './volumes.js';

const retryMs = 300;

/** The pods that the API has on this node, as one kubelet keeps them: started, reported, ended, restarted kubelets included. */
export class ApiPods {
  readonly #node: HollowNode;
  readonly #runtime: Runtime;
  readonly #client: Client;
  readonly #readiness: Readiness;
  readonly #podNetwork: string;
  readonly #busy = new Set<string>();
  #informer: Informer<Pod> | undefined;
  readonly #stopping = new AbortController();

  constructor(node: HollowNode, runtime: Runtime, client: Client, readiness: Readiness, podNetwork: string) {
    this.#node = node;
    this.#runtime = runtime;
    this.#client = client;
    this.#readiness = readiness;
    this.#podNetwork = podNetwork;
  }

  /** Follows the API; what runs already is kept, and gets its tokens renewed. */
  start(): void {
    for (const running of this.#runtime.pods) {
      if (isStatic(running.pod)) continue;
      void this.#again(
        () => mountVolumes(this.#node, this.#client, running.pod),
        `volumes of ${running.pod.metadata.name}`,
      );
      this.#readiness.follow(running);
    }
    const path = `/api/v1/pods?fieldSelector=spec.nodeName%3D${this.#node.name}`;
    this.#informer = new Informer<Pod>(
      this.#client,
      path,
      (now, before) => this.#changed(now, before),
      (line) => this.#node.log(`kubelet: ${line}`),
    );
  }

  stop(): void {
    this.#stopping.abort();
    this.#informer?.stop();
  }

  /** The pod as the API last showed it, mirrors of static pods included. */
  shown({ metadata }: Pod): Pod | undefined {
    return this.#informer?.items.get(`${metadata.namespace ?? ''}/${metadata.name}`);
  }

  #isStopped(): boolean {
    return this.#stopping.signal.aborted;
  }

  /** Tells the API how a pod is; again until it is told. */
  async report(running: RunningPod): Promise<void> {
    const { pod } = running;
    const path = `${podPath(pod)}/status`;
    await this.#again(async () => {
      if (this.#runtime.pod(pod.metadata.uid ?? '') !== running) return;
      const status = podStatus(running, this.#node, this.#readiness.readyOf(running));
      await this.#client.patch(path, { status }, 'merge');
    }, `status of ${pod.metadata.name}`);
  }

  #changed(now: Pod | undefined, before: Pod | undefined): void {
    const pod = now ?? before;
    if (!pod || isStatic(pod) || this.#isStopped()) return;
    const uid = pod.metadata.uid ?? '';
    if (this.#busy.has(uid)) return;
    const wantsEnd = now === undefined || now.metadata.deletionTimestamp !== undefined;
    const running = this.#runtime.pod(uid);
    if (!wantsEnd && running) return;
    this.#busy.add(uid);
    const work = wantsEnd ? this.#end(pod, running) : this.#begin(pod);
    void work.finally(() => {
      this.#busy.delete(uid);
      // What came while it was busy.
      const latest = this.shown(pod);
      if (latest?.metadata.uid === uid && !wantsEnd && latest.metadata.deletionTimestamp !== undefined)
        this.#changed(latest, undefined);
    });
  }

  async #begin(pod: Pod): Promise<void> {
    const volumes = await this.#again(
      () => mountVolumes(this.#node, this.#client, pod),
      `volumes of ${pod.metadata.name}`,
    );
    if (!volumes || this.#isStopped()) return;
    await new Promise((resolve) => setTimeout(resolve, this.#node.timings.podStartMs));
    if (this.#isStopped()) return;
    const running = this.#runtime.start(pod, this.#podNetwork, volumes);
    this.#readiness.follow(running);
    await this.report(running);
  }

  async #end(pod: Pod, running: RunningPod | undefined): Promise<void> {
    if (running) {
      const graceSeconds =
        pod.metadata.deletionGracePeriodSeconds ?? pod.spec.terminationGracePeriodSeconds ?? 30;
      this.#readiness.forget(running);
      await this.#runtime.stop(running, graceSeconds * 1000);
      await new Promise((resolve) => setTimeout(resolve, this.#node.timings.podStopMs));
    }
    const gone = {
      apiVersion: 'v1',
      kind: 'DeleteOptions',
      gracePeriodSeconds: 0,
      preconditions: { uid: pod.metadata.uid },
    };
    await this.#again(() => this.#client.delete(podPath(pod), gone), `removal of ${pod.metadata.name}`);
  }

  /** Until it works, the pod is gone from the API, or this kubelet stops. */
  async #again<T>(work: () => Promise<T>, what: string): Promise<T | undefined> {
    let said = '';
    while (!this.#isStopped()) {
      try {
        return await work();
      } catch (error) {
        const { status, message } = error as { status?: number; message: string };
        if (status === 409 || (status === 404 && !what.startsWith('volumes'))) return undefined;
        if (message !== said) this.#node.log(`kubelet: ${what}: ${message}`);
        said = message;
      }
      await new Promise((resolve) => setTimeout(resolve, retryMs));
    }
    return undefined;
  }
}

export function isStatic({ metadata }: Pod): boolean {
  return metadata.annotations?.[mirrorAnnotation] !== undefined;
}
