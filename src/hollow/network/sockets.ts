import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { once } from 'node:events';

/** Listeners that are kept for the next pairs; more are opened when more pairs are made at once. */
const mostIdle = 16;

/** Two connected sockets. A program's end closes when the other one ends, unless its owner sets `allowHalfOpen`. */
export interface SocketPair {
  readonly client: Socket;
  readonly server: Socket;
}

/**
 * Makes pairs of connected sockets within this process. Node takes one connection of a listener in each turn of its event
 * loop, so a listener makes one pair at a time: many at once would wait for each other for seconds when turns are long.
 */
export class SocketPairs {
  readonly #idle: PairListener[] = [];
  readonly #open = new Set<Socket>();
  #closed = false;

  /** @throws Error when no socket can be had, or all is closed */
  async make(): Promise<SocketPair> {
    const listener = this.#idle.pop() ?? (await PairListener.open());
    try {
      if (this.#isClosed()) throw new Error('the network is closed');
      const pair = await listener.pair();
      if (this.#isClosed()) {
        pair.client.destroy();
        pair.server.destroy();
        throw new Error('the network is closed');
      }
      this.own(pair.client);
      this.own(pair.server);
      return pair;
    } finally {
      if (this.#closed || this.#idle.length >= mostIdle) listener.close();
      else this.#idle.push(listener);
    }
  }

  /** A socket that must not outlive the network. */
  own(socket: Socket): void {
    this.#open.add(socket);
    socket.once('close', () => this.#open.delete(socket));
  }

  /** How many sockets are open. */
  get size(): number {
    return this.#open.size;
  }

  /** Everything at once. Repeatable. */
  close(): void {
    this.#closed = true;
    for (const listener of this.#idle.splice(0)) listener.close();
    for (const socket of this.#open) socket.destroy();
  }

  /** A call, since it changes while others are waited for. */
  #isClosed(): boolean {
    return this.#closed;
  }
}

/** A port of 127.0.0.1 that nobody but this process is told of. */
class PairListener {
  #taken: ((socket: Socket) => void) | undefined;

  private constructor(
    private readonly server: Server,
    private readonly port: number,
  ) {
    server.on('connection', (socket) => this.#accept(socket));
  }

  static async open(): Promise<PairListener> {
    const server = createServer({ noDelay: true });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new PairListener(server, (server.address() as AddressInfo).port);
  }

  async pair(): Promise<SocketPair> {
    const accepted = new Promise<Socket>((resolve) => (this.#taken = resolve));
    const client = calm(connect({ host: '127.0.0.1', port: this.port, noDelay: true }));
    await once(client, 'connect');
    const server = await accepted;
    // Another process that found the port by chance.
    if (server.remotePort !== client.localPort) {
      client.destroy();
      server.destroy();
      throw new Error(`port ${this.port} of 127.0.0.1: a stranger connected`);
    }
    return { client, server };
  }

  close(): void {
    this.server.close();
  }

  #accept(socket: Socket): void {
    const taken = this.#taken;
    this.#taken = undefined;
    if (taken) taken(calm(socket));
    else socket.destroy();
  }
}

/** A reset between two owners of a socket must not end the process; whoever owns it sees its end. */
function calm(socket: Socket): Socket {
  return socket.on('error', () => undefined);
}
