import { mkdirSync, writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import type { Listener, Machine } from '../contracts.js';

/** Machines in one folder, joined by real TCP on the loopback: port and address of a machine are only names. */
export class FakeNetwork {
  readonly #ports = new Map<string, number>();
  readonly #servers = new Set<Server>();
  readonly lines: string[] = [];

  constructor(private readonly folder: string) {}

  machine(name: string, address: string): Machine {
    const path = (file: string): string => join(this.folder, name, file);
    return {
      name,
      address,
      path,
      log: (line) => this.lines.push(`${name}: ${line}`),
      listen: (port, onConnection) => this.#listen(`${address}:${port}`, onConnection),
      dial: (host, port) => this.#dial(`${host === '127.0.0.1' ? address : host}:${port}`),
    };
  }

  write(machine: Machine, file: string, text: string): void {
    const path = machine.path(file);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }

  /** Lets a name such as a Service's address lead to what listens elsewhere. */
  lead(from: string, to: string): void {
    this.#ports.set(from, this.realPort(to));
  }

  /** Where 127.0.0.1 really listens for `address:port`. */
  realPort(name: string): number {
    const port = this.#ports.get(name);
    if (port === undefined)
      throw Object.assign(new Error(`connect ECONNREFUSED ${name}`), { code: 'ECONNREFUSED' });
    return port;
  }

  close(): void {
    for (const server of this.#servers) server.close();
  }

  #listen(name: string, onConnection: (socket: Socket) => void): Promise<Listener> {
    if (this.#ports.has(name))
      return Promise.reject(Object.assign(new Error(`${name} is taken`), { code: 'EADDRINUSE' }));
    const server = createServer(onConnection);
    this.#servers.add(server);
    return new Promise((resolve) => {
      server.listen(0, '127.0.0.1', () => {
        this.#ports.set(name, (server.address() as AddressInfo).port);
        resolve({
          close: () => {
            this.#ports.delete(name);
            server.close();
          },
        });
      });
    });
  }

  async #dial(name: string): Promise<Socket> {
    const socket = connect(this.realPort(name), '127.0.0.1');
    await new Promise((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    return socket;
  }
}
