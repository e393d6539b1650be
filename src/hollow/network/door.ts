import { createServer, type Server } from 'node:net';
import { once } from 'node:events';
import type { Network } from './network.js';

/** A port of this computer that leads to a port of a machine, for those who are not in the hollow network. */
export class Door {
  #server: Server | undefined;

  /** @param to address and port of the machine. @throws Error with code EADDRINUSE */
  async open(
    address: string,
    port: number,
    to: { readonly address: string; readonly port: number },
    network: Pick<Network, 'arrive'>,
  ): Promise<void> {
    const server = createServer(
      { allowHalfOpen: true, noDelay: true },
      (socket) => void network.arrive(socket, socket.remoteAddress ?? '', to.address, to.port),
    );
    server.listen({ port, host: address });
    await once(server, 'listening');
    this.#server = server;
  }

  close(): void {
    this.#server?.close();
  }
}
