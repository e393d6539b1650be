import { createServer, type AddressInfo, type Socket } from 'node:net';
import { pipeline, type Duplex } from 'node:stream';

/** A port of this machine's loopback whose connections end elsewhere. */
export interface Relay {
  readonly host: string;
  readonly port: number;
  /** Ends it and all its connections. */
  close(): Promise<void>;
}

/**
 * Lets who can only dial addresses use a way that is none: an SSH connection, a proxy. Each connection to the relay gets a
 * stream of its own; when that cannot be opened, or ends, so does the connection. It carries bytes, so TLS stays between
 * the two ends.
 */
export async function openRelay(open: () => Promise<Duplex>): Promise<Relay> {
  const connections = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    connections.add(socket);
    socket.once('close', () => connections.delete(socket));
    // Until the stream is there the socket's errors have nobody else to hear them; its close says the same.
    socket.on('error', () => socket.destroy());
    join(socket, open).catch((error: unknown) => socket.destroy(error instanceof Error ? error : undefined));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  // A relay that nobody closed must not keep the program from ending.
  server.unref();
  const { port } = server.address() as AddressInfo;
  return {
    host: '127.0.0.1',
    port,
    close: () =>
      new Promise((resolve) => {
        for (const socket of connections) socket.destroy();
        server.close(() => resolve());
      }),
  };
}

async function join(socket: Socket, open: () => Promise<Duplex>): Promise<void> {
  const stream = await open();
  if (socket.destroyed) {
    stream.destroy();
    return;
  }
  pipeline(socket, stream, socket, () => {
    // Whatever ended one end ends the other; each client sees that by its own connection.
    socket.destroy();
    stream.destroy();
  });
}
