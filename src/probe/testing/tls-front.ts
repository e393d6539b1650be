import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';

import type { Pair } from './identities.js';

/** An HTTPS server whose answers a test decides. */
export class TlsFront {
  connections = 0;
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;

  private constructor(
    pair: Pair,
    public serve: (request: IncomingMessage, response: ServerResponse) => void,
  ) {
    this.#server = createServer({ ...pair, keepAliveTimeout: 600_000 }, (request, response) =>
      this.serve(request, response),
    );
    this.#server.on('connection', (socket: Socket) => {
      this.connections += 1;
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
    this.#server.on('tlsClientError', () => undefined);
  }

  static async start(pair: Pair, serve: TlsFront['serve']): Promise<TlsFront> {
    const front = new TlsFront(pair, serve);
    await new Promise<void>((resolve) => front.#server.listen(0, '127.0.0.1', resolve));
    return front;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  present(pair: Pair): void {
    this.#server.setSecureContext(pair);
  }

  async stop(): Promise<void> {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => setImmediate(resolve));
  }
}
