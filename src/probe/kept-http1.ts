import { Agent } from 'node:http';
import type { Socket } from 'node:net';

import { openConnection, type Endpoint, type Identity } from './endpoint.js';
import type { Exchange, ProbeRequest, Transport } from './exchange.js';
import { exchangeHttp1 } from './http1.js';
import { Turns } from './turns.js';

/** Idle connections that are kept beyond those wanted, for times when several requests are under way. */
const SPARE_IDLE = 6;

/** Node's agent, held to one connection, which is made by us. */
class OneConnectionAgent extends Agent {
  constructor(private readonly open: () => Socket) {
    super({ keepAlive: true, maxSockets: 1, maxFreeSockets: 1 });
  }

  override createConnection(): Socket {
    return this.open();
  }
}

/** One kept connection. Used by one request at a time. */
class KeptConnection {
  busy = false;
  /** No request may be sent on it any more. */
  over = false;
  readonly #agent = new OneConnectionAgent(() => this.#open());
  #socket: Socket | undefined;
  #answers = 0;
  #touched = false;

  constructor(
    readonly endpoint: Endpoint,
    private readonly identity: Identity,
    private readonly number: number,
  ) {}

  send(request: ProbeRequest, onFree: () => void, again: () => Exchange): Exchange {
    this.busy = true;
    this.#touched = false;
    const link = {
      endpoint: this.endpoint,
      identity: this.identity,
      via: `${this.endpoint.dial}:${this.endpoint.port} kept #${this.number}`,
      agent: this.#agent,
      untouched: () => this.#answers > 0 && !this.#touched,
    };
    const exchange = exchangeHttp1(request, link, again);
    void exchange.answer.then(
      () => this.#free(true, onFree),
      () => this.#free(false, onFree),
    );
    return exchange;
  }

  /** Ends it, at once if idle, else after the request that is on it. */
  retire(): void {
    this.over = true;
    if (!this.busy) this.#agent.destroy();
  }

  destroy(): void {
    this.over = true;
    this.#agent.destroy();
    this.#socket?.destroy();
  }

  #free(answered: boolean, onFree: () => void): void {
    this.busy = false;
    if (answered) this.#answers += 1;
    else this.over = true;
    if (this.over) this.destroy();
    onFree();
  }

  #open(): Socket {
    const socket = openConnection(this.endpoint, this.identity, 'http/1.1');
    this.#socket = socket;
    // The agent opens another one when it sees first that the old one is gone: then this is a new connection.
    this.#answers = 0;
    socket.on('data', () => (this.#touched = true));
    socket.on('close', () => {
      if (this.#socket === socket) this.over = true;
    });
    return socket;
  }
}

/**
 * Kept HTTP/1.1 connections: `count` to each endpoint, more while all of them are busy.
 * A connection that closed while idle is replaced by the next request; one that closes under a request before any
 * byte of its answer makes that request `untouched`.
 */
export class KeptHttp1Transport implements Transport {
  readonly #turns: Turns<Endpoint>;
  readonly #pools = new Map<Endpoint, KeptConnection[]>();
  #opened = 0;

  constructor(
    endpoints: readonly Endpoint[],
    private identity: Identity,
    private readonly count: number,
  ) {
    this.#turns = new Turns(endpoints);
    for (const endpoint of endpoints) this.#pools.set(endpoint, []);
  }

  send(request: ProbeRequest): Exchange {
    const endpoint = this.#turns.next();
    return this.#sendOn(this.#idle(endpoint) ?? this.#add(endpoint), request);
  }

  setIdentity(identity: Identity, reconnect: boolean): void {
    this.identity = identity;
    if (reconnect)
      for (const pool of this.#pools.values()) for (const connection of pool) connection.retire();
  }

  close(): void {
    for (const pool of this.#pools.values()) for (const connection of pool.splice(0)) connection.destroy();
  }

  #sendOn(connection: KeptConnection, request: ProbeRequest): Exchange {
    const { endpoint } = connection;
    const again = () => this.#sendOn(this.#add(endpoint), request);
    return connection.send(request, () => this.#tidy(endpoint), again);
  }

  /** The idle connection that has waited longest, if as many as wanted are open. */
  #idle(endpoint: Endpoint): KeptConnection | undefined {
    const pool = this.#tidy(endpoint);
    if (pool.length < this.count) return undefined;
    const at = pool.findIndex((connection) => !connection.busy);
    if (at < 0) return undefined;
    const [connection] = pool.splice(at, 1);
    if (connection !== undefined) pool.push(connection);
    return connection;
  }

  #add(endpoint: Endpoint): KeptConnection {
    const connection = new KeptConnection(endpoint, this.identity, (this.#opened += 1));
    this.#pools.get(endpoint)?.push(connection);
    return connection;
  }

  /**
   * Forgets what is over, and closes idle ones when there are many. Few is wrong: on a slow machine, where one answer
   * overlaps the next request, every request would shake hands anew and make it slower still.
   */
  #tidy(endpoint: Endpoint): KeptConnection[] {
    const pool = this.#pools.get(endpoint) ?? [];
    const idle = pool.filter((connection) => !connection.busy && !connection.over);
    for (const connection of idle.slice(0, Math.max(0, idle.length - this.count - SPARE_IDLE)))
      connection.retire();
    const alive = pool.filter((connection) => connection.busy || !connection.over);
    pool.splice(0, pool.length, ...alive);
    return pool;
  }
}
