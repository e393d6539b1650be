import type {
  ChangeAnswer,
  DialEtcd,
  EtcdClientFiles,
  EtcdEvent,
  EtcdMember,
  KeyValue,
  RangeAnswer,
} from '../contracts.js';

interface Watcher {
  readonly prefix: string;
  readonly onEvent: (event: EtcdEvent) => void;
  readonly onEnd: (error: Error) => void;
}

/** An etcd of one member without a network, for tests of what stands on it. */
export class FakeEtcd {
  readonly keys = new Map<string, KeyValue>();
  readonly history: EtcdEvent[] = [];
  /** Set: every call is refused with it. */
  failure: Error | undefined;
  readonly dialled: EtcdClientFiles[] = [];
  revision = 1;
  readonly #watchers = new Set<Watcher>();
  readonly #open = new Set<{ open: boolean }>();

  readonly dial: DialEtcd = (_machine, files) => {
    this.dialled.push(files);
    if (this.failure) return Promise.reject(this.failure);
    return Promise.resolve(this.#member());
  };

  /** All clients lose their connection. */
  disconnect(): void {
    for (const connection of this.#open) connection.open = false;
    this.#open.clear();
    const watchers = [...this.#watchers];
    this.#watchers.clear();
    for (const { onEnd } of watchers) onEnd(new Error('the connection is lost'));
  }

  #member(): EtcdMember {
    const connection = { open: true };
    this.#open.add(connection);
    const ask = async <T>(call: () => T): Promise<T> => {
      await Promise.resolve();
      if (this.failure) throw this.failure;
      if (!connection.open) throw new Error('the connection is closed');
      return call();
    };
    return {
      get open() {
        return connection.open;
      },
      close: () => (connection.open = false),
      get: (key) => ask(() => this.#range((each) => each === key)),
      range: (prefix) => ask(() => this.#range((each) => each.startsWith(prefix))),
      put: (key, value, { ifRevision } = {}) => ask(() => this.#put(key, value, ifRevision)),
      delete: (key, { ifRevision } = {}) => ask(() => this.#delete(key, ifRevision)),
      watch: (prefix, after, onEvent, onEnd) => this.#watch(prefix, after, onEvent, onEnd),
    };
  }

  #range(wanted: (key: string) => boolean): RangeAnswer {
    const kvs = [...this.keys.values()].filter(({ key }) => wanted(key));
    return { revision: this.revision, kvs: kvs.sort((a, b) => (a.key < b.key ? -1 : 1)) };
  }

  #put(key: string, value: string, ifRevision: number | undefined): ChangeAnswer {
    const before = this.keys.get(key);
    if (ifRevision !== undefined && (before?.modRevision ?? 0) !== ifRevision)
      return { done: false, ...(before ? { found: before } : {}) };
    const modRevision = (this.revision += 1);
    const now = { key, value, modRevision, createRevision: before?.createRevision ?? modRevision };
    this.keys.set(key, now);
    this.#tell({ type: 'put', now, before });
    return { done: true, revision: modRevision };
  }

  #delete(key: string, ifRevision: number | undefined): ChangeAnswer {
    const before = this.keys.get(key);
    if (!before) return { done: false };
    if (ifRevision !== undefined && before.modRevision !== ifRevision) return { done: false, found: before };
    this.keys.delete(key);
    const modRevision = (this.revision += 1);
    this.#tell({ type: 'delete', now: { ...before, modRevision }, before });
    return { done: true, revision: modRevision };
  }

  #tell(event: EtcdEvent): void {
    this.history.push(event);
    for (const { prefix, onEvent } of this.#watchers)
      if (event.now.key.startsWith(prefix)) queueMicrotask(() => onEvent(event));
  }

  #watch(
    prefix: string,
    after: number,
    onEvent: (event: EtcdEvent) => void,
    onEnd: (error: Error) => void,
  ): { stop(): void } {
    const missed = this.history.filter(({ now }) => now.modRevision > after && now.key.startsWith(prefix));
    for (const event of missed) queueMicrotask(() => onEvent(event));
    const watcher = { prefix, onEvent, onEnd };
    this.#watchers.add(watcher);
    return { stop: () => this.#watchers.delete(watcher) };
  }
}
