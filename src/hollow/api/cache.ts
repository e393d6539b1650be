import { setTimeout as sleep } from 'node:timers/promises';
import { keyOf, type KubeObject } from '../kube/objects.js';
import type { Resource } from '../kube/resources.js';
import type { Storage } from './storage.js';

/** A copy of all objects of one resource, kept by a watch: what kube-apiserver looks up for every request. */
export class Cache {
  readonly #items = new Map<string, KubeObject>();
  #watch: { stop(): void } | undefined;
  #stopped = false;
  /** Called after each change. */
  onChange: () => void = () => undefined;

  constructor(
    private readonly storage: Storage,
    private readonly resource: Resource,
  ) {}

  /** Tries until etcd answers, or the cache is stopped. */
  async start(): Promise<void> {
    for (;;) {
      if (this.#isStopped()) return;
      try {
        const { revision, objects } = await this.storage.list(this.resource);
        for (const object of objects) this.#items.set(keyOf(object), object);
        if (!this.#isStopped()) this.#follow(revision);
        return;
      } catch {
        // The link to etcd has said why.
        await sleep(100);
      }
    }
  }

  get(name: string, namespace?: string): KubeObject | undefined {
    return this.#items.get(namespace === undefined ? name : `${namespace}/${name}`);
  }

  get all(): readonly KubeObject[] {
    return [...this.#items.values()];
  }

  stop(): void {
    this.#stopped = true;
    this.#watch?.stop();
  }

  /** A call, since it changes while others are waited for. */
  #isStopped(): boolean {
    return this.#stopped;
  }

  #follow(after: number): void {
    this.#watch = this.storage.watch(this.resource, undefined, after, ({ now, before }) => {
      if (now) this.#items.set(keyOf(now), now);
      else if (before) this.#items.delete(keyOf(before));
      this.onChange();
    });
  }
}
