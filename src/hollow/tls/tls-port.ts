import { readFileSync, statSync } from 'node:fs';
import type { Socket } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import type { Listener, Machine } from '../contracts.js';
import { namedAuthorities } from './authorities.js';
import { refusal } from './verify.js';

export interface TlsPortOptions {
  readonly machine: Machine;
  readonly port: number;
  /** Paths as the program calls them. `reload`: read again at a handshake when they have changed, as Go's etcd does. */
  readonly pair: { readonly certificate: string; readonly key: string; readonly reload: boolean };
  /** PEM: what was trusted when the program started, whatever the file says now. */
  readonly ca: string;
  readonly protocols: readonly string[];
  /** After a handshake in which the client showed a certificate that the CA verifies. */
  readonly onClient: (socket: TLSSocket) => void;
}

/** A port on which every client must show a certificate. The trusted CA stays what it was at the start. */
export class TlsPort {
  readonly #options: TlsPortOptions;
  readonly #sockets = new Set<Socket>();
  #seen = '';
  readonly #named: string;
  #listener: Listener | undefined;

  constructor(options: TlsPortOptions) {
    this.#options = options;
    this.#named = namedAuthorities(options.ca);
  }

  /** @throws Error when the pair cannot be used or the port is taken */
  async open(): Promise<void> {
    const { machine, protocols } = this.#options;
    const asked = { requestCert: true, rejectUnauthorized: false, ALPNProtocols: [...protocols] };
    this.#seen = this.#fileVersions();
    const server = createServer({ ...this.#pair(), ...asked }, (socket) => this.#secured(socket));
    server.on('tlsClientError', ({ message }) => machine.log(`rejected connection (error "${message}")`));
    this.#listener = await machine.listen(this.#options.port, (socket) => this.#accept(socket, server));
  }

  /** Closes the port and cuts its connections. */
  close(): void {
    this.#listener?.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #secured(socket: TLSSocket): void {
    const { machine, ca, onClient } = this.#options;
    socket.on('error', () => undefined);
    const why = refusal(socket, ca, 'clientAuth');
    if (why === undefined) {
      onClient(socket);
      return;
    }
    machine.log(`rejected connection (error "tls: ${why}")`);
    socket.destroy();
  }

  #accept(socket: Socket, server: Server): void {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => undefined);
    try {
      const seen = this.#options.pair.reload ? this.#fileVersions() : this.#seen;
      if (seen !== this.#seen) server.setSecureContext(this.#pair());
      this.#seen = seen;
      server.emit('connection', socket);
    } catch (error) {
      this.#options.machine.log(`tls: ${(error as Error).message}`);
      socket.destroy();
    }
  }

  get #files(): string[] {
    const { machine, pair } = this.#options;
    return [machine.path(pair.certificate), machine.path(pair.key)];
  }

  #fileVersions(): string {
    return this.#files
      .map((file) => statSync(file, { bigint: true }))
      .map(({ ino, mtimeNs }) => `${ino} ${mtimeNs}`)
      .join();
  }

  #pair(): { cert: Buffer | undefined; key: Buffer | undefined; ca: string } {
    const [cert, key] = this.#files.map((file) => readFileSync(file));
    return { cert, key, ca: this.#named };
  }
}
