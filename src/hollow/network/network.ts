import { setMaxListeners } from 'node:events';
import type { Socket } from 'node:net';
import { SocketPairs } from './sockets.js';

/** A machine as others reach it. */
export interface Host {
  readonly address: string;
  hasPod(address: string): boolean;
  /** A connection that has been accepted for it outside. */
  arrive(socket: Socket, source: string, port: number): Promise<void>;
  /** Whether anything listens there; for probes that only connect. */
  reaches(source: string, port: number): boolean;
}

/** The cable between the machines of one cluster: who has which address. */
export class Network<H extends Host = Host> {
  readonly pairs = new SocketPairs();
  /** By a load balancer's address: where its next connection goes. */
  readonly balancers = new Map<string, () => string | undefined>();
  /** Addresses by machine name. */
  readonly names = new Map<string, string>();
  readonly #hosts = new Map<string, H>();
  readonly #closing = new AbortController();

  constructor() {
    // Every connection that waits for its turn listens.
    setMaxListeners(0, this.#closing.signal);
  }

  /** Aborted when the cluster ends. */
  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  /** A machine with this address, or the machine that has the pod with it. */
  at(address: string): H | undefined {
    const host = this.#hosts.get(address);
    if (host) return host;
    return [...this.#hosts.values()].find((candidate) => candidate.hasPod(address));
  }

  plugIn(host: H): void {
    this.#hosts.set(host.address, host);
  }

  unplug(host: H): void {
    if (this.#hosts.get(host.address) === host) this.#hosts.delete(host.address);
  }

  /** A connection from outside the cluster to a machine, such as a load balancer hands on. */
  async arrive(socket: Socket, source: string, target: string, port: number): Promise<void> {
    const host = this.#hosts.get(target);
    if (host) await host.arrive(socket, source, port);
    else socket.resetAndDestroy();
  }

  /** Nothing of it stays open. Repeatable. */
  close(): void {
    this.#closing.abort(new Error('the cluster was taken down'));
    this.pairs.close();
  }
}
