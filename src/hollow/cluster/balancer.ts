import { createServer, type Server, type Socket } from 'node:net';
import { once } from 'node:events';
import type { Timings } from '../contracts.js';
import type { Network } from '../network/network.js';

export interface BalancerOptions {
  readonly address: string;
  readonly port: number;
  /** Addresses of the masters, all on the same port. */
  readonly targets: readonly string[];
  readonly network: Network;
  readonly timings: Pick<Timings, 'balancerProbeMs'>;
}

/** After as many failed probes in a row Azure sends a target no new connections. */
const failures = 2;

/** Azure's load balancer: TCP connections by turns to targets whose plain TCP probe passes. */
export class Balancer {
  readonly #options: BalancerOptions;
  readonly #failed = new Map<string, number>();
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;
  #probing: NodeJS.Timeout | undefined;
  #turn = 0;

  constructor(options: BalancerOptions) {
    this.#options = options;
  }

  /** @throws Error with code EADDRINUSE when the port is taken */
  async listen(): Promise<void> {
    const { address, port, timings } = this.#options;
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#accept(socket));
    server.listen({ port, host: address });
    await once(server, 'listening');
    this.#server = server;
    this.#probe();
    this.#probing = setInterval(() => this.#probe(), timings.balancerProbeMs);
  }

  close(): void {
    clearInterval(this.#probing);
    this.#server?.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Where the next connection goes: for programs inside the cluster, which reach the balancer without its socket. */
  next(): string | undefined {
    const healthy = this.#options.targets.filter((target) => (this.#failed.get(target) ?? 0) < failures);
    const among = healthy.length > 0 ? healthy : this.#options.targets;
    this.#turn += 1;
    return among[this.#turn % among.length];
  }

  #probe(): void {
    const { targets, network, port } = this.#options;
    for (const target of targets) {
      const passes = network.at(target)?.reaches('168.63.129.16', port) ?? false;
      this.#failed.set(target, passes ? 0 : (this.#failed.get(target) ?? 0) + 1);
    }
  }

  #accept(socket: Socket): void {
    const { network, port } = this.#options;
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    const target = this.next();
    if (target === undefined) socket.resetAndDestroy();
    else void network.arrive(socket, socket.remoteAddress ?? '', target, port);
  }
}
