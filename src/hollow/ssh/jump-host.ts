import { createServer, type Server } from 'node:net';
import { once } from 'node:events';
import type { Network } from '../network/network.js';

/** The balancer's NAT rule by which a master's sshd is reached from outside. */
export class JumpHost {
  #server: Server | undefined;

  /** @param target address of the machine whose port 22 it leads to. @throws Error with code EADDRINUSE */
  async listen(address: string, port: number, target: string, network: Network): Promise<void> {
    const server = createServer(
      { allowHalfOpen: true, noDelay: true },
      (socket) => void network.arrive(socket, socket.remoteAddress ?? '', target, 22),
    );
    server.listen({ port, host: address });
    await once(server, 'listening');
    this.#server = server;
  }

  close(): void {
    this.#server?.close();
  }
}
