import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { once } from 'node:events';

/** Listens on a free port of 127.0.0.1 that nobody but this process is told of. */
export async function innerServer(
  onConnection: (socket: Socket) => void,
): Promise<{ server: Server; port: number }> {
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => onConnection(calm(socket)));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, port: (server.address() as AddressInfo).port };
}

export function innerConnection(port: number): Socket {
  return calm(connect({ host: '127.0.0.1', port, noDelay: true, allowHalfOpen: true }));
}

/** A reset between two owners of a socket must not end the process; whoever owns it sees its end. */
function calm(socket: Socket): Socket {
  return socket.on('error', () => undefined);
}

/** Makes pairs of connected sockets within this process. */
export class SocketPairs {
  readonly #waiting = new Map<number, (socket: Socket) => void>();
  readonly #arrived = new Map<number, Socket>();
  #server: Promise<{ server: Server; port: number }> | undefined;

  /** One end for a client, which closes when the other one ends; the other end for whoever couples it. */
  async make(): Promise<{ client: Socket; far: Socket }> {
    this.#server ??= innerServer((socket) => this.#accept(socket));
    const { port } = await this.#server;
    const client = calm(connect({ host: '127.0.0.1', port, noDelay: true }));
    await once(client, 'connect');
    const own = client.localPort ?? 0;
    const far =
      this.#arrived.get(own) ?? (await new Promise<Socket>((resolve) => this.#waiting.set(own, resolve)));
    this.#arrived.delete(own);
    return { client, far };
  }

  close(): void {
    void this.#server?.then(({ server }) => server.close());
  }

  #accept(socket: Socket): void {
    const port = socket.remotePort ?? 0;
    const waiting = this.#waiting.get(port);
    this.#waiting.delete(port);
    if (waiting) waiting(socket);
    else this.#arrived.set(port, socket);
  }
}
