import { createHash } from 'node:crypto';
import type { Timings } from '../contracts.js';
import { Store } from './store.js';

/** A member as the others know it. */
export interface Peer {
  readonly name: string;
  /** It runs, and its own connection to that member's peer port stands. */
  linkedTo(name: string): boolean;
  readonly running: boolean;
}

/** Whom requests ask, and what happens to them when that changes. */
export type LeaderListener = () => void;

/**
 * What the members of one cluster decide together: who leads, whether there is a quorum. Real etcd does that by raft; here
 * the members' connections to each other are real and the counting is done in one place.
 */
export class Consensus {
  readonly store = new Store();
  readonly #timings: Pick<Timings, 'etcdElectionMs' | 'etcdMoveMs'>;
  readonly #names: readonly string[];
  readonly #peers = new Map<string, Peer>();
  readonly #listeners = new Set<LeaderListener>();
  #leader: string | undefined;
  #moving = false;
  #term = 1;
  #election: NodeJS.Timeout | undefined;

  constructor(names: readonly string[], timings: Pick<Timings, 'etcdElectionMs' | 'etcdMoveMs'>) {
    this.#names = names;
    this.#timings = timings;
  }

  get term(): number {
    return this.#term;
  }

  get leader(): string | undefined {
    return this.#leader;
  }

  /** Leadership is being handed over. */
  get moving(): boolean {
    return this.#moving;
  }

  join(peer: Peer): void {
    this.#peers.set(peer.name, peer);
    this.reconsider();
  }

  /** A member can reach the leader, and the leader a majority. */
  serves(name: string): boolean {
    return this.#leader !== undefined && this.#linked(name, this.#leader);
  }

  /** Called at each change of leadership, a loss included. @returns ends it */
  onLeader(listener: LeaderListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Something about members or their connections has changed. */
  reconsider(): void {
    if (this.#leader !== undefined && !this.#hasQuorum(this.#leader)) this.#become(undefined);
    if (this.#leader !== undefined || this.#election) return;
    if (!this.#names.some((name) => this.#hasQuorum(name))) return;
    const wait = this.#term === 1 ? 0 : this.#timings.etcdElectionMs;
    this.#election = setTimeout(() => {
      this.#election = undefined;
      this.#become(this.#names.find((name) => this.#hasQuorum(name)));
    }, wait);
  }

  /**
   * Hands leadership over, as `move-leader` asks the leader to.
   * @throws Error in etcd's words when that member cannot lead
   */
  async move(to: string): Promise<void> {
    if (!this.#hasQuorum(to)) throw new Error('etcdserver: unhealthy cluster');
    this.#moving = true;
    await new Promise((resolve) => setTimeout(resolve, this.#timings.etcdMoveMs));
    this.#moving = false;
    this.#become(to);
  }

  stop(): void {
    clearTimeout(this.#election);
  }

  #become(name: string | undefined): void {
    if (name === this.#leader) return;
    this.#leader = name;
    if (name !== undefined) this.#term += 1;
    for (const listener of [...this.#listeners]) listener();
  }

  #hasQuorum(name: string): boolean {
    if (!(this.#peers.get(name)?.running ?? false)) return false;
    const reached = this.#names.filter((other) => this.#linked(name, other)).length;
    return reached > this.#names.length / 2;
  }

  /** Both ways: each member reads what the other sends on a connection that it made itself. */
  #linked(a: string, b: string): boolean {
    const [one, other] = [this.#peers.get(a), this.#peers.get(b)];
    if (!one?.running || !other?.running) return false;
    return a === b || (one.linkedTo(b) && other.linkedTo(a));
  }
}

/** A member's number, in hex: the same for the same name and cluster. */
export function memberId(name: string, token: string): string {
  return createHash('sha1').update(`${name} ${token}`).digest('hex').slice(0, 16).replace(/^0/, '1');
}
