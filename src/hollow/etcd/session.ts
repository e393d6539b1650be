import { setTimeout as sleep } from 'node:timers/promises';
import type { TLSSocket } from 'node:tls';
import type { ChangeAnswer, EtcdEvent, EtcdMember, RangeAnswer, Timings } from '../contracts.js';
import type { Member } from './member.js';

/** etcd's own bound for a request: 5 s and two election timeouts of 1 s. */
const requestBoundMs = 7_000;

/** A client's connection to a member. What it asks lives as long as the connection, the member and the leader. */
export class EtcdSession implements EtcdMember {
  readonly #member: Member;
  readonly #socket: TLSSocket;
  readonly #timings: Pick<Timings, 'etcdRequestMs'>;
  readonly #onClose = new Set<() => void>();

  constructor(member: Member, socket: TLSSocket, timings: Pick<Timings, 'etcdRequestMs'>) {
    this.#member = member;
    this.#socket = socket;
    this.#timings = timings;
    socket.on('data', () => undefined);
    socket.on('error', () => undefined);
    socket.on('close', () => {
      for (const lost of [...this.#onClose]) lost();
    });
  }

  get open(): boolean {
    return !this.#socket.destroyed && this.#member.running;
  }

  get member(): Member {
    return this.#member;
  }

  close(): void {
    this.#socket.destroy();
  }

  async range(prefix: string, options: { readonly serializable?: boolean } = {}): Promise<RangeAnswer> {
    await this.#read(options);
    return this.#store.range(prefix);
  }

  async get(key: string, options: { readonly serializable?: boolean } = {}): Promise<RangeAnswer> {
    await this.#read(options);
    return this.#store.get(key);
  }

  async put(
    key: string,
    value: string,
    options: { readonly ifRevision?: number } = {},
  ): Promise<ChangeAnswer> {
    await this.#write();
    return this.#store.put(key, value, options.ifRevision);
  }

  async delete(key: string, options: { readonly ifRevision?: number } = {}): Promise<ChangeAnswer> {
    await this.#write();
    return this.#store.delete(key, options.ifRevision);
  }

  watch(
    prefix: string,
    after: number,
    onEvent: (event: EtcdEvent) => void,
    onEnd: (error: Error) => void,
  ): { stop(): void } {
    const stop = this.#store.watch(prefix, after, onEvent);
    const lost = (): void => {
      end();
      onEnd(connectionLost());
    };
    const end = (): void => {
      stop();
      this.#onClose.delete(lost);
    };
    this.#onClose.add(lost);
    return { stop: end };
  }

  get #store(): Member['consensus']['store'] {
    return this.#member.consensus.store;
  }

  /** A linearizable read asks the leader where the log stands; when leadership changes meanwhile, it fails. */
  async #read({ serializable = false }): Promise<void> {
    if (serializable) {
      await this.#whileConnected(sleep(this.#timings.etcdRequestMs));
      return;
    }
    const { changed, end } = this.#leadership();
    try {
      await this.#whileConnected(this.#served());
      const moving = this.#member.consensus.moving;
      await this.#whileConnected(
        Promise.race([moving ? never : sleep(this.#timings.etcdRequestMs), changed.then(leaderChanged)]),
      );
    } finally {
      end();
    }
  }

  /** A proposal is lost when the leader that had it goes; whoever made it waits for it in vain. */
  async #write(): Promise<void> {
    const { changed, end } = this.#leadership();
    try {
      await this.#whileConnected(this.#served());
      const lost = changed.then(async () => {
        await sleep(requestBoundMs);
        throw new Error('etcdserver: request timed out');
      });
      lost.catch(() => undefined);
      const moving = this.#member.consensus.moving;
      await this.#whileConnected(Promise.race([moving ? lost : sleep(this.#timings.etcdRequestMs), lost]));
    } finally {
      end();
    }
  }

  /** Resolves when the member can serve. @throws Error when that takes longer than a request may */
  async #served(): Promise<void> {
    const { consensus, name } = this.#member;
    const until = Date.now() + requestBoundMs;
    while (!consensus.serves(name)) {
      if (Date.now() >= until) throw new Error('etcdserver: request timed out');
      await sleep(20);
    }
  }

  /** The first change of leadership from now on, when somebody leads now. */
  #leadership(): { changed: Promise<void>; end: () => void } {
    const { consensus } = this.#member;
    let end: () => void = () => undefined;
    const changed = new Promise<void>((resolve) => {
      if (consensus.leader !== undefined) end = consensus.onLeader(resolve);
    });
    return { changed, end };
  }

  #whileConnected<T>(work: Promise<T>): Promise<T> {
    if (!this.open) return Promise.reject(connectionLost());
    return new Promise((resolve, reject) => {
      const lost = (): void => reject(connectionLost());
      this.#onClose.add(lost);
      work.then(resolve, reject).finally(() => this.#onClose.delete(lost));
    });
  }
}

const never = new Promise<void>(() => undefined);

function leaderChanged(): never {
  throw new Error('etcdserver: leader changed');
}

function connectionLost(): Error {
  return new Error('rpc error: code = Unavailable desc = transport is closing');
}
