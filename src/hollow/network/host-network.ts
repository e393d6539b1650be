import type { Socket } from 'node:net';
import type { Listener } from '../contracts.js';
import { CoupledConnection, networkError, withSynRetries, type Verdict } from './connection.js';
import type { Host, Network } from './network.js';
import { PacketFilter } from './packet-filter.js';
import { isLoopback, type Packet } from './rule.js';
import type { SocketPair } from './sockets.js';

/** Where a connection ends: a port on a machine or in one of its pods. */
interface Place {
  readonly host: HostNetwork;
  readonly address: string;
  readonly port: number;
  /** As the packet filter of that machine sees it. */
  readonly packet: Packet;
  /** Machines that it goes through on the way, and what their packet filters see. */
  readonly via: readonly { readonly host: HostNetwork; readonly packet: Packet }[];
}
type Way = Place | 'dropped' | 'rejected' | 'unreachable';

/** One of a Service's endpoints, as kube-proxy chose it. */
export type ServiceRule = () => { readonly address: string; readonly port: number } | undefined;

/** What a program does with a connection to its port; an object of its own for each program that listens. */
interface Accepts {
  readonly take: (socket: Socket) => void;
}

/** The network of one machine: its ports and its pods', its packet filter, and the Services that kube-proxy leads on. */
export class HostNetwork implements Host {
  readonly filter = new PacketFilter(() => this.#filterChanged());
  /** By `address:port` of the Service. */
  readonly services = new Map<string, ServiceRule>();
  readonly #ports = new Map<string, Accepts>();
  readonly #pods = new Set<string>();
  /** Connections that end here. */
  readonly #connections = new Map<CoupledConnection, Packet>();
  /** Connections that go through this machine. */
  readonly #passing = new Map<CoupledConnection, Packet>();
  #lost: readonly CoupledConnection[] = [];

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
  listen(address: string, port: number, onConnection: (socket: Socket) => void): Promise<Listener> {
    const key = `${address}:${port}`;
    if (this.#ports.has(key))
      return Promise.reject(
        Object.assign(new Error(`listen EADDRINUSE: address already in use ${key}`), { code: 'EADDRINUSE' }),
      );
    const accepts: Accepts = { take: onConnection };
    this.#ports.set(key, accepts);
    return Promise.resolve({
      close: () => {
        if (this.#ports.get(key) === accepts) this.#ports.delete(key);
      },
    });
  }

  /** A connection that a program of this machine makes, or one of its pods. */
  async dial(from: string, host: string, port: number): Promise<Socket> {
    const to = `${host}:${port}`;
    const inPod = from !== this.address;
    if (isLoopback(host)) {
      const place = `${from}:${port}`;
      if (!this.#ports.has(place)) throw networkError('ECONNREFUSED', to);
      const { client, server } = await this.network.pairs.make();
      const accepts = this.#ports.get(place);
      if (accepts) accepts.take(server);
      else server.resetAndDestroy();
      return client;
    }
    const way = await withSynRetries(
      () => (inPod ? this.#fromPod(from, host, port) : this.#fromHere(host, port)),
      to,
      this.network.closing,
    );
    if (way === 'unreachable') throw networkError('EHOSTUNREACH', to);
    if (way === 'rejected' || !way.host.#listening(way)) throw networkError('ECONNREFUSED', to);
    const { client, server: far } = await this.network.pairs.make();
    far.allowHalfOpen = true;
    await way.host.#couple(far, way);
    return client;
  }

  /** A connection that has been accepted for this machine outside. */
  async arrive(socket: Socket, source: string, port: number): Promise<void> {
    this.network.pairs.own(socket);
    socket.on('error', () => undefined);
    const packet = { from: 'eth0', source, target: this.address, targetPort: port } as const;
    const way = await withSynRetries(
      () => this.#incoming(packet, 0),
      `${this.address}:${port}`,
      this.network.closing,
    ).catch(() => 'unreachable' as const);
    if (typeof way === 'string' || !way.host.#listening(way)) socket.resetAndDestroy();
    else await way.host.#couple(socket, way);
  }

  /** Whether anything listens there; for probes that only connect. */
  reaches(source: string, port: number): boolean {
    const way = this.#incoming({ from: 'eth0', source, target: this.address, targetPort: port }, 0);
    return typeof way === 'object' && way.host.#listening(way) !== undefined;
  }

  /** Everything ends at once, as when the machine loses its power. */
  cut(): void {
    this.#ports.clear();
    for (const connection of [...this.#connections.keys()]) connection.cut();
    this.#lost = [...this.#passing.keys()];
    for (const connection of this.#lost) connection.lose();
    this.#passing.clear();
    this.#pods.clear();
    this.services.clear();
    this.filter.clear();
  }

  /** As after a boot: connections that went through it are not known any more. */
  up(): void {
    for (const connection of this.#lost) connection.find();
    this.#lost = [];
  }

  #listening(place: Place): Accepts | undefined {
    return this.#ports.get(`${place.address}:${place.port}`);
  }

  /** Leads a socket on to the program that listens there; one that is gone meanwhile resets it. */
  async #couple(client: Socket, place: Place): Promise<void> {
    const pair = await this.network.pairs.make().catch(() => undefined);
    const accepts = this.#listening(place);
    if (!pair || !accepts || client.destroyed) {
      pair?.client.destroy();
      pair?.server.destroy();
      client.resetAndDestroy();
      return;
    }
    this.#join(client, pair, place);
    accepts.take(pair.server);
  }

  #join(client: Socket, { client: near }: SocketPair, place: Place): void {
    near.allowHalfOpen = true;
    const connection = new CoupledConnection(client, near, () => {
      this.#connections.delete(connection);
      for (const { host } of place.via) host.#passing.delete(connection);
    });
    this.#connections.set(connection, place.packet);
    for (const { host, packet } of place.via) host.#passing.set(connection, packet);
    for (const { host, packet } of [place, ...place.via])
      connection.judge(packet, host.#verdict(packet, false));
  }

  #filterChanged(): void {
    for (const [connection, packet] of [...this.#connections, ...this.#passing])
      connection.judge(packet, this.#verdict(packet, false));
  }

  /** @param count it is a packet that arrives, and rules count it */
  #verdict(packet: Packet, count: boolean): Verdict {
    const found = this.filter.decide('filter', packet.local ? 'INPUT' : 'FORWARD', packet, count)?.kind;
    return found === 'drop' || found === 'reject' ? found : 'accept';
  }

  /** What a machine's filter table makes of a new connection; undefined: it passes. */
  #stopped(packet: Packet): 'dropped' | 'rejected' | undefined {
    const verdict = this.#verdict(packet, true);
    return verdict === 'accept' ? undefined : verdict === 'drop' ? 'dropped' : 'rejected';
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
    const place = { host: this, address: this.address, port: packet.targetPort, packet, via: [] };
    return this.#stopped(packet) ?? place;
  }

  /** Through this machine. Without MASQUERADE a translated connection's answers take another way, and are thrown away. */
  #forward(packet: Packet, hops: number): Way {
    const stopped = this.#stopped(packet);
    if (stopped) return stopped;
    if (this.#pods.has(packet.target))
      return { host: this, address: packet.target, port: packet.targetPort, packet, via: [] };
    const masquerades = this.filter.decide('nat', 'POSTROUTING', packet)?.kind === 'masquerade';
    if (packet.translated && packet.from === 'eth0' && !masquerades) return 'dropped';
    const way = this.#onward(masquerades ? { ...packet, source: this.address } : packet, hops);
    return typeof way === 'string' ? way : { ...way, via: [{ host: this, packet }, ...way.via] };
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
    return { ...this.#seen(moved), translated: service === undefined, original: packet.target };
  }
}
