import { setTimeout as sleep } from 'node:timers/promises';
import { keyOf, type KubeObject } from '../kube/objects.js';
import type { Client } from './client.js';

const pauseMs = 200;

/**
 * Keeps a copy of all objects below a path: a list, then a watch, both anew whenever the watch ends, as client-go's
 * informers do. `onChange` is told of each change with what was there before; it must not throw.
 */
export class Informer<T extends KubeObject> {
  readonly #items = new Map<string, T>();
  #stopped = false;
  #watch: { stop(): void } | undefined;
  #wake: (() => void) | undefined;
  readonly synced: Promise<void>;
  #isSynced: () => void = () => undefined;

  constructor(
    private readonly client: Client,
    private readonly path: string,
    private readonly onChange: (now: T | undefined, before: T | undefined) => void,
    private readonly log: (line: string) => void,
  ) {
    this.synced = new Promise((resolve) => (this.#isSynced = resolve));
    void this.#follow();
  }

  /** By `namespace/name`. */
  get items(): ReadonlyMap<string, T> {
    return this.#items;
  }

  /** All objects now. */
  get all(): T[] {
    return [...this.#items.values()];
  }

  stop(): void {
    this.#stopped = true;
    this.#watch?.stop();
    this.#wake?.();
  }

  /** A call, since it changes while others are waited for. */
  #isStopped(): boolean {
    return this.#stopped;
  }

  async #follow(): Promise<void> {
    for (let failed = false; !this.#isStopped();) {
      try {
        await this.#once();
        failed = false;
      } catch (error) {
        if (!this.#isStopped() && !failed) this.log(`watch of ${this.path}: ${(error as Error).message}`);
        failed = true;
        await sleep(pauseMs);
      }
    }
  }

  /** One list and the watch after it. */
  async #once(): Promise<void> {
    const { items, metadata } = await this.client.list<T>(this.path);
    this.#replace(items);
    this.#isSynced();
    const error = await new Promise<Error | undefined>((resolve) => {
      if (this.#isStopped()) {
        resolve(undefined);
        return;
      }
      this.#wake = () => resolve(undefined);
      this.#watch = this.client.watch<T>(this.path, metadata.resourceVersion, {
        onEvent: (type, object) => this.#set(keyOf(object), type === 'DELETED' ? undefined : object),
        onEnd: resolve,
      });
    });
    if (error) throw error;
  }

  #replace(items: readonly T[]): void {
    const found = new Map(items.map((item) => [keyOf(item), item]));
    for (const key of [...this.#items.keys()]) if (!found.has(key)) this.#set(key, undefined);
    for (const [key, item] of found)
      if (this.#items.get(key)?.metadata.resourceVersion !== item.metadata.resourceVersion)
        this.#set(key, item);
  }

  #set(key: string, now: T | undefined): void {
    const before = this.#items.get(key);
    if (now === undefined) this.#items.delete(key);
    else this.#items.set(key, now);
    if (!this.#stopped) this.onChange(now, before);
  }
}
