import type { Socket } from 'node:net';
import { SocketPairs } from './sockets.js';
import type { HostNetwork } from './host-network.js';

/** The cable between the machines of one cluster: who has which address. */
export class Network {
  readonly pairs = new SocketPairs();
  /** By a load balancer's address: where its next connection goes. */
  readonly balancers = new Map<string, () => string | undefined>();
  readonly #hosts = new Map<string, HostNetwork>();
  readonly #closing = new AbortController();

  /** Aborted when the cluster ends. */
  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  /** A machine with this address, or the machine that has the pod with it. */
  at(address: string): HostNetwork | undefined {
    const host = this.#hosts.get(address);
    if (host) return host;
    return [...this.#hosts.values()].find((candidate) => candidate.hasPod(address));
  }

  plugIn(host: HostNetwork): void {
    this.#hosts.set(host.address, host);
  }

  unplug(host: HostNetwork): void {
    if (this.#hosts.get(host.address) === host) this.#hosts.delete(host.address);
  }

  /** A connection from outside the cluster to a machine, such as a load balancer hands on. */
  async arrive(socket: Socket, source: string, target: string, port: number): Promise<void> {
    const host = this.#hosts.get(target);
    if (host) await host.arrive(socket, source, port);
    else socket.resetAndDestroy();
  }

  close(): void {
    this.#closing.abort(new Error('the cluster was taken down'));
    this.pairs.close();
  }
}
