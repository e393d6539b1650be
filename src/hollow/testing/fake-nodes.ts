import type { Client } from '../client/client.js';
import { Informer } from '../client/informer.js';
import { timestamp, type KubeObject } from '../kube/objects.js';
import { pathOf } from '../kube/resources.js';

interface Pod extends KubeObject {
  spec: { nodeName?: string };
  status?: { conditions?: { type: string; status: string }[] };
}

/** Scheduler and kubelets of some nodes: pods get a node in turn, become Ready at once, and go when they are deleted. */
export class FakeNodes {
  readonly #pods: Informer<Pod>;
  #next = 0;

  constructor(
    private readonly client: Client,
    private readonly names: readonly string[],
  ) {
    this.#pods = new Informer<Pod>(
      client,
      pathOf('pods'),
      (pod) => this.#changed(pod),
      () => undefined,
    );
  }

  async register(): Promise<void> {
    for (const name of this.names)
      await this.client.create(pathOf('nodes'), {
        metadata: { name, labels: { 'kubernetes.io/hostname': name } },
        status: {},
      });
    for (const name of this.names) await this.heartbeat(name);
  }

  async heartbeat(name: string, status = 'True'): Promise<void> {
    const condition = { type: 'Ready', status, lastHeartbeatTime: timestamp() };
    const path = `${pathOf('nodes', undefined, name)}/status`;
    await this.client.patch(path, { status: { conditions: [condition] } }, 'strategic');
  }

  stop(): void {
    this.#pods.stop();
  }

  #changed(pod: Pod | undefined): void {
    if (pod) void this.#serve(pod).catch(() => undefined);
  }

  async #serve({ metadata, spec, status }: Pod): Promise<void> {
    const path = pathOf('pods', metadata.namespace, metadata.name);
    if (metadata.deletionTimestamp !== undefined) return this.client.delete(path, { gracePeriodSeconds: 0 });
    if (spec.nodeName === undefined) {
      const name = this.names[(this.#next += 1) % this.names.length];
      await this.client.create(`${path}/binding`, { target: { name } });
    } else if (status?.conditions === undefined) {
      const conditions = [{ type: 'Ready', status: 'True', lastTransitionTime: timestamp() }];
      const podIP = `127.9.100.${(this.#next += 1)}`;
      await this.client.patch(
        `${path}/status`,
        { status: { phase: 'Running', podIP, conditions } },
        'strategic',
      );
    }
  }
}
