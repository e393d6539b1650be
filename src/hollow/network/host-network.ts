import type { Server, Socket } from 'node:net';
import type { Listener } from '../contracts.js';
import { CoupledConnection, networkError, withSynRetries } from './connection.js';
import type { Host, Network } from './network.js';
import { PacketFilter } from './packet-filter.js';
import { isLoopback, type Packet } from './rule.js';
import { innerConnection, innerServer } from './sockets.js';

/** Where a connection ends: a port on a machine or in one of its pods. */
interface Place {
  readonly host: HostNetwork;
  readonly address: string;
  readonly port: number;
  /** As the packet filter of that machine sees it. */
  readonly packet: Packet;
}
type Way = Place | 'dropped' | 'unreachable';

/** One of a Service's endpoints, as kube-proxy chose it. */
export type ServiceRule = () => { readonly address: string; readonly port: number } | undefined;

/** The network of one machine: its ports and its pods', its packet filter, and the Services that kube-proxy leads on. */
export class HostNetwork implements Host {
  readonly filter = new PacketFilter(() => this.#filterChanged());
  /** By `address:port` of the Service. */
  readonly services = new Map<string, ServiceRule>();
  readonly #ports = new Map<string, { readonly server: Server; readonly inner: number }>();
  readonly #pods = new Set<string>();
  readonly #connections = new Map<CoupledConnection, Packet>();

  constructor(
    readonly address: string,
    readonly network: Network<HostNetwork>,
  ) {
    network.plugIn(this);
  }

  hasPod(address: string): boolean {
    return this.#pods.has(address);
  }

  addPod(address: string): void {
    this.#pods.add(address);
  }

  removePod(address: string): void {
    this.#pods.delete(address);
  }

  /** @param address the machine's own (then 127.0.0.1 leads there too), or one of its pods' */
  async listen(address: string, port: number, onConnection: (socket: Socket) => void): Promise<Listener> {
    const key = `${address}:${port}`;
    if (this.#ports.has(key))
      throw Object.assign(new Error(`listen EADDRINUSE: address already in use ${key}`), {
        code: 'EADDRINUSE',
      });
    // The port is taken at once; the inner one is known a moment later.
    const { server, port: inner } = await innerServer(onConnection);
    if (this.#ports.has(key)) {
      server.close();
      throw Object.assign(new Error(`listen EADDRINUSE: address already in use ${key}`), {
        code: 'EADDRINUSE',
      });
    }
    this.#ports.set(key, { server, inner });
    return {
      close: () => {
        if (this.#ports.get(key)?.server === server) this.#ports.delete(key);
        server.close();
      },
    };
  }

  /** A connection that a program of this machine makes, or one of its pods. */
  async dial(from: string, host: string, port: number): Promise<Socket> {
    const to = `${host}:${port}`;
    const inPod = from !== this.address;
    if (isLoopback(host)) {
      const listening = this.#ports.get(`${from}:${port}`);
      if (!listening) throw networkError('ECONNREFUSED', to);
      return connected(innerConnection(listening.inner), to);
    }
    const way = await withSynRetries(
      () => (inPod ? this.#fromPod(from, host, port) : this.#fromHere(host, port)),
      to,
      this.network.closing,
    );
    if (way === 'unreachable') throw networkError('EHOSTUNREACH', to);
    if (!way.host.#listening(way)) throw networkError('ECONNREFUSED', to);
    const { client, far } = await this.network.pairs.make();
    way.host.#couple(far, way);
    return client;
  }

  /** A connection that has been accepted for this machine outside. */
  async arrive(socket: Socket, source: string, port: number): Promise<void> {
    socket.on('error', () => undefined);
    const packet = { from: 'eth0', source, target: this.address, targetPort: port } as const;
    const way = await withSynRetries(
      () => this.#incoming(packet, 0),
      `${this.address}:${port}`,
      this.network.closing,
    ).catch(() => 'unreachable' as const);
    if (way === 'unreachable' || !way.host.#listening(way)) socket.resetAndDestroy();
    else way.host.#couple(socket, way);
  }

  /** Whether anything listens there; for probes that only connect. */
  reaches(source: string, port: number): boolean {
    const way = this.#incoming({ from: 'eth0', source, target: this.address, targetPort: port }, 0);
    return typeof way === 'object' && way.host.#listening(way) !== undefined;
  }

  /** Everything ends at once, as when the machine loses its power. */
  cut(): void {
    for (const { server } of this.#ports.values()) server.close();
    this.#ports.clear();
    for (const connection of [...this.#connections.keys()]) connection.cut();
    this.#pods.clear();
    this.services.clear();
    this.filter.clear();
  }

  #listening(place: Place): { readonly inner: number } | undefined {
    return this.#ports.get(`${place.address}:${place.port}`);
  }

  #couple(client: Socket, place: Place): void {
    const listening = this.#listening(place);
    if (!listening || client.destroyed) {
      client.resetAndDestroy();
      return;
    }
    const server = innerConnection(listening.inner);
    const connection = new CoupledConnection(client, server, () => this.#connections.delete(connection));
    this.#connections.set(connection, place.packet);
    connection.drop(this.#drops(place.packet));
  }

  #filterChanged(): void {
    for (const [connection, packet] of this.#connections) connection.drop(this.#drops(packet));
  }

  #drops(packet: Packet): boolean {
    return this.filter.decide('filter', packet.local ? 'INPUT' : 'FORWARD', packet)?.kind === 'drop';
  }

  #fromHere(target: string, targetPort: number): Way {
    const first = this.#seen({ from: 'lo', source: this.address, target, targetPort });
    const packet = this.#translated(first, 'OUTPUT');
    if (packet.local) return this.#delivered(packet);
    if (this.#pods.has(packet.target)) return this.#forward(packet, 0);
    return this.#onward(packet, 0);
  }

  #fromPod(source: string, target: string, targetPort: number): Way {
    return this.#incoming({ from: 'pod', source, target, targetPort }, 0);
  }

  #incoming(arrived: Pick<Packet, 'from' | 'source' | 'target' | 'targetPort'>, hops: number): Way {
    const packet = this.#translated(this.#seen(arrived), 'PREROUTING');
    return packet.local ? this.#delivered(packet) : this.#forward(packet, hops);
  }

  #delivered(packet: Packet): Way {
    if (this.#drops(packet)) return 'dropped';
    return { host: this, address: this.address, port: packet.targetPort, packet };
  }

  /** Through this machine. Without MASQUERADE a translated connection's answers take another way, and are thrown away. */
  #forward(packet: Packet, hops: number): Way {
    if (this.#drops(packet)) return 'dropped';
    if (this.#pods.has(packet.target))
      return { host: this, address: packet.target, port: packet.targetPort, packet };
    const masquerades = this.filter.decide('nat', 'POSTROUTING', packet)?.kind === 'masquerade';
    if (packet.translated && packet.from === 'eth0' && !masquerades) return 'dropped';
    return this.#onward(masquerades ? { ...packet, source: this.address } : packet, hops);
  }

  #onward(packet: Packet, hops: number): Way {
    const { source, targetPort } = packet;
    const target = this.network.balancers.get(packet.target)?.() ?? packet.target;
    const next = this.network.at(target);
    if (!next || hops > 4) return 'unreachable';
    return next.#incoming({ from: 'eth0', source, target, targetPort }, hops + 1);
  }

  #seen(packet: Pick<Packet, 'from' | 'source' | 'target' | 'targetPort'>): Packet {
    return {
      ...packet,
      local: packet.target === this.address || isLoopback(packet.target),
      translated: false,
    };
  }

  /** Rules come first, in their order; then what kube-proxy has for Services. */
  #translated(packet: Packet, chain: 'PREROUTING' | 'OUTPUT'): Packet {
    const decided = this.filter.decide('nat', chain, packet);
    if (decided?.kind === 'redirect') return { ...packet, targetPort: decided.port };
    const service = decided ? undefined : this.services.get(`${packet.target}:${packet.targetPort}`);
    const to = decided?.kind === 'dnat' ? decided : service?.();
    if (!to) return packet;
    const moved = { ...packet, target: to.address, targetPort: to.port };
    // kube-proxy's own rules masquerade; those of others must bring their own.
    return { ...this.#seen(moved), translated: service === undefined };
  }
}

function connected(socket: Socket, to: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    socket.once('error', () => reject(networkError('ECONNREFUSED', to)));
    socket.once('connect', () => resolve(socket));
  });
}
