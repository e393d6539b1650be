import { createServer, type Server } from 'node:https';
import type { Socket } from 'node:net';
import { generateKey, mintAuthority } from '../../pki/index.js';
import type { Listener, Machine } from '../contracts.js';

/** `https://127.0.0.1:PORT/healthz`, with a certificate made at the start, for everybody. */
export class Healthz {
  #server: Server | undefined;
  #listener: Listener | undefined;
  readonly #sockets = new Set<Socket>();
  #closed = false;

  /** @throws Error when the port is taken */
  async start(machine: Machine, port: number): Promise<void> {
    const key = await generateKey({ type: 'ec', curve: 'prime256v1' });
    const validity = {
      notBefore: new Date(Date.now() - 1000),
      notAfter: new Date(Date.now() + 365 * 24 * 3600 * 1000),
    };
    const { pem } = mintAuthority({ commonName: `${machine.name}@healthz`, key, validity });
    const server = createServer({ cert: pem, key: key.privatePem }, (request, response) => {
      const known = request.method === 'GET' && request.url === '/healthz';
      if (!known) machine.log(`${request.method ?? ''} ${request.url ?? ''}: is not known here`);
      response.writeHead(known ? 200 : 404, { 'content-type': 'text/plain' }).end(known ? 'ok' : 'not found');
    });
    server.on('tlsClientError', (_error, socket) => socket.destroy());
    const listener = await machine.listen(port, (socket) => this.#accept(socket));
    this.#server = server;
    this.#listener = listener;
    if (this.#isClosed()) listener.close();
  }

  close(): void {
    this.#closed = true;
    this.#listener?.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  /** A call, since it changes while others are waited for. */
  #isClosed(): boolean {
    return this.#closed;
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.once('close', () => this.#sockets.delete(socket));
    this.#server?.emit('connection', socket);
  }
}
