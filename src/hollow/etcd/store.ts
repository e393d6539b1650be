import type { ChangeAnswer, EtcdEvent, KeyValue, RangeAnswer } from '../contracts.js';

/** Events that are kept for watches that begin late. */
const mostHistory = 20_000;

interface Watcher {
  readonly prefix: string;
  readonly onEvent: (event: EtcdEvent) => void;
}

/** What all members of one etcd cluster agree on: keys, values, revisions. */
export class Store {
  readonly #keys = new Map<string, KeyValue>();
  #sorted: string[] | undefined = [];
  readonly #history: EtcdEvent[] = [];
  readonly #watchers = new Set<Watcher>();
  #revision = 1;

  get revision(): number {
    return this.#revision;
  }

  /** Rough size of all values in bytes. */
  get size(): number {
    return [...this.#keys.values()].reduce((sum, { key, value }) => sum + key.length + value.length, 0);
  }

  range(prefix: string): RangeAnswer {
    this.#sorted ??= [...this.#keys.keys()].sort();
    const kvs = this.#sorted
      .filter((key) => key.startsWith(prefix))
      .flatMap((key) => this.#keys.get(key) ?? []);
    return { revision: this.#revision, kvs };
  }

  get(key: string): RangeAnswer {
    const found = this.#keys.get(key);
    return { revision: this.#revision, kvs: found ? [found] : [] };
  }

  put(key: string, value: string, ifRevision?: number): ChangeAnswer {
    const before = this.#keys.get(key);
    if (!holds(before, ifRevision)) return refusal(before);
    this.#revision += 1;
    const now = {
      key,
      value,
      createRevision: before?.createRevision ?? this.#revision,
      modRevision: this.#revision,
    };
    if (!before) this.#sorted = undefined;
    this.#keys.set(key, now);
    this.#tell({ type: 'put', now, before });
    return { done: true, revision: this.#revision };
  }

  /** A key that is not there is deleted already. */
  delete(key: string, ifRevision?: number): ChangeAnswer {
    const before = this.#keys.get(key);
    if (!holds(before, ifRevision)) return refusal(before);
    if (!before) return { done: true, revision: this.#revision };
    this.#revision += 1;
    this.#keys.delete(key);
    this.#sorted = undefined;
    this.#tell({ type: 'delete', now: { ...before, modRevision: this.#revision }, before });
    return { done: true, revision: this.#revision };
  }

  /** Tells what has happened after a revision, then what happens. @returns ends it */
  watch(prefix: string, after: number, onEvent: (event: EtcdEvent) => void): () => void {
    const watcher = { prefix, onEvent };
    // Found from the end: watches begin at most a moment ago.
    let from = this.#history.length;
    while (from > 0 && (this.#history[from - 1]?.now.modRevision ?? 0) > after) from -= 1;
    for (const event of this.#history.slice(from)) if (event.now.key.startsWith(prefix)) onEvent(event);
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  #tell(event: EtcdEvent): void {
    this.#history.push(event);
    if (this.#history.length > mostHistory) this.#history.splice(0, mostHistory / 2);
    for (const { prefix, onEvent } of [...this.#watchers])
      if (event.now.key.startsWith(prefix)) onEvent(event);
  }
}

function holds(before: KeyValue | undefined, ifRevision: number | undefined): boolean {
  return ifRevision === undefined || (before?.modRevision ?? 0) === ifRevision;
}

function refusal(before: KeyValue | undefined): ChangeAnswer {
  return before ? { done: false, found: before } : { done: false };
}
