import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Listener, Machine, Timings } from '../contracts.js';
import { memberId, type Consensus, type Peer } from './consensus.js';
import type { EtcdFlags } from './flags.js';
import { answerHttp } from './http.js';
import { openTls } from '../tls/client-side.js';
import { TlsPort } from '../tls/tls-port.js';

/** The protocol by which stand-ins talk to a member; others get HTTP. */
export const hollowProtocol = 'hollow-etcd';

/** What a member says to another one whose certificate it has verified. */
const accepted = 'accepted\n';

/** Between two tries to reach another member, ms; etcd's own is 100. */
const retryMs = 100;

/** One running etcd: its ports, and its connections to the other members. */
export class Member implements Peer {
  readonly id: string;
  readonly name: string;
  running = false;
  readonly #machine: Machine;
  readonly #flags: EtcdFlags;
  readonly #consensus: Consensus;
  readonly #trusted: { readonly server: string; readonly peer: string };
  readonly #links = new Map<string, TLSSocket>();
  readonly #ports: (TlsPort | Listener)[] = [];
  readonly #clients = new Set<TLSSocket>();
  readonly #stopping = new AbortController();

  /** Reads what it trusts, once. @throws Error when a file cannot be read */
  constructor(machine: Machine, flags: EtcdFlags, consensus: Consensus) {
    this.#machine = machine;
    this.#flags = flags;
    this.#consensus = consensus;
    this.name = flags.name;
    this.id = memberId(flags.name, flags.token);
    const read = (file: string): string => readFileSync(machine.path(file), 'utf8');
    this.#trusted = { server: read(flags.server.ca), peer: read(flags.peer.ca) };
  }

  get consensus(): Consensus {
    return this.#consensus;
  }

  get endpoint(): string {
    return `https://${this.#machine.address}:${this.#flags.clientPorts[0] ?? 0}`;
  }

  linkedTo(name: string): boolean {
    return this.#links.has(name);
  }

  /** @throws Error when a port is taken or a pair does not fit */
  async start(timings: Pick<Timings, 'etcdStartMs'>): Promise<void> {
    const { peer, peerPort, server, clientPorts, metricsPort } = this.#flags;
    await this.#open({
      pair: { ...peer, reload: true },
      ca: this.#trusted.peer,
      port: peerPort,
      protocols: [],
      onClient: (socket) => this.#peerCame(socket),
    });
    await new Promise((resolve) => setTimeout(resolve, timings.etcdStartMs));
    if (this.#stopped()) return;
    this.running = true;
    this.#consensus.join(this);
    for (const name of this.#flags.members.keys()) if (name !== this.name) void this.#keepLink(name);
    const protocols = [hollowProtocol, 'http/1.1'];
    for (const port of clientPorts)
      await this.#open({
        pair: { ...server, reload: true },
        ca: this.#trusted.server,
        port,
        protocols,
        onClient: (socket) => this.#clientCame(socket),
      });
    if (metricsPort === undefined) return;
    const metrics = await this.#machine.listen(metricsPort, (socket) => answerHttp(socket, this));
    this.#ports.push(metrics);
    // Who was asked to stop meanwhile must not keep a port from its successor.
    if (this.#stopped()) metrics.close();
  }

  stop(): void {
    this.running = false;
    this.#stopping.abort();
    for (const port of this.#ports) port.close();
    for (const link of this.#links.values()) link.destroy();
    for (const client of this.#clients) client.destroy();
    this.#links.clear();
    this.#consensus.reconsider();
  }

  #stopped(): boolean {
    return this.#stopping.signal.aborted;
  }

  async #open(options: Omit<ConstructorParameters<typeof TlsPort>[0], 'machine'>): Promise<void> {
    const port = new TlsPort({ ...options, machine: this.#machine });
    this.#ports.push(port);
    await port.open();
    if (this.#stopped()) port.close();
  }

  #clientCame(socket: TLSSocket): void {
    this.#clients.add(socket);
    socket.on('close', () => this.#clients.delete(socket));
    // The other side finds this member by its number.
    if (socket.alpnProtocol === hollowProtocol) socket.write(`${this.id}\n`);
    else answerHttp(socket, this);
  }

  #peerCame(socket: TLSSocket): void {
    socket.on('data', () => undefined);
    socket.write(accepted);
  }

  /** A connection of its own to another member, made again whenever it breaks. */
  async #keepLink(name: string): Promise<void> {
    let said = '';
    while (!this.#stopped()) {
      try {
        const link = await this.#reach(name);
        if (this.#stopped()) link.destroy();
        this.#links.set(name, link);
        this.#consensus.reconsider();
        await new Promise<void>((resolve) => link.once('close', () => resolve()));
        if (this.#links.get(name) === link) this.#links.delete(name);
        this.#consensus.reconsider();
        said = '';
      } catch (error) {
        const why = (error as Error).message;
        if (why !== said) this.#machine.log(`health check for peer ${name} could not connect: ${why}`);
        said = why;
      }
      await new Promise((resolve) => setTimeout(resolve, retryMs));
    }
  }

  async #reach(name: string): Promise<TLSSocket> {
    const place = this.#flags.members.get(name);
    if (!place) throw new Error(`${name} is no member`);
    const tcp = await this.#machine.dial(place.host, place.port);
    const read = (file: string): string => readFileSync(this.#machine.path(file), 'utf8');
    const { certificate, key } = this.#flags.peer;
    return handshake(tcp, place.host, { ca: this.#trusted.peer, cert: read(certificate), key: read(key) });
  }
}

/** A strict handshake that is over only when the server has accepted the client too. */
function handshake(
  tcp: Socket,
  host: string,
  pair: { ca: string; cert: string; key: string },
): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = openTls(tcp, { host, ...pair });
    socket.once('data', () => resolve(socket));
    socket.on('error', reject);
    socket.once('close', () => reject(new Error('remote error: tls: bad certificate')));
  });
}
