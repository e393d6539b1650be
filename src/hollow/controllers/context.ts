import type { Client } from '../client/client.js';
import { Informer } from '../client/informer.js';
import type { Timings } from '../contracts.js';
import type { KubeObject } from '../kube/objects.js';
import { pathOf } from '../kube/resources.js';
import { WorkQueue, type Outcome } from './work-queue.js';

type OnChange<T> = (now: T | undefined, before: T | undefined) => void;

/** Objects of one resource, and word of their changes. */
export interface Watched<T extends KubeObject> {
  readonly all: readonly T[];
  get(key: string): T | undefined;
}

/** What the controllers of one leading kube-controller-manager share: a client, and one copy of each resource. */
export class ControllerContext {
  readonly #informers = new Map<string, { informer: Informer<KubeObject>; told: OnChange<KubeObject>[] }>();
  readonly #queues: WorkQueue[] = [];
  readonly #timers: NodeJS.Timeout[] = [];
  #stopped = false;

  constructor(
    readonly client: Client,
    readonly timings: Timings,
    readonly log: (line: string) => void,
  ) {}

  /** `onChange` is told of what is there already, too. */
  watch<T extends KubeObject>(plural: string, onChange: OnChange<T> = () => undefined): Watched<T> {
    const shared = this.#informers.get(plural) ?? this.#begin(plural);
    const told = onChange as OnChange<KubeObject>;
    for (const object of shared.informer.all) told(object, undefined);
    shared.told.push(told);
    const items = shared.informer.items as ReadonlyMap<string, T>;
    return {
      get all() {
        return [...items.values()];
      },
      get: (key) => items.get(key),
    };
  }

  queue(name: string, reconcile: (key: string) => Promise<Outcome>): WorkQueue {
    const queue = new WorkQueue(name, reconcile, this.log);
    this.#queues.push(queue);
    return queue;
  }

  every(ms: number, look: () => void): void {
    this.#timers.push(setInterval(look, ms));
  }

  stop(): void {
    this.#stopped = true;
    for (const { informer } of this.#informers.values()) informer.stop();
    for (const queue of this.#queues) queue.stop();
    for (const timer of this.#timers) clearInterval(timer);
  }

  #begin(plural: string): { informer: Informer<KubeObject>; told: OnChange<KubeObject>[] } {
    const told: OnChange<KubeObject>[] = [];
    const tell: OnChange<KubeObject> = (now, before) => {
      if (!this.#stopped) for (const each of told) each(now, before);
    };
    const informer = new Informer<KubeObject>(this.client, pathOf(plural), tell, this.log);
    const shared = { informer, told };
    this.#informers.set(plural, shared);
    return shared;
  }
}

/** One control loop: registers what it wants to be told of. */
export type Controller = (context: ControllerContext) => void;

/** `namespace/name` in its parts. */
export function split(key: string): { namespace: string; name: string } {
  const [namespace = '', name = ''] = key.split('/');
  return { namespace, name };
}
