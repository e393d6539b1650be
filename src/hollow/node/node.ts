import { randomUUID } from 'node:crypto';
import { appendFileSync, chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Listener, Machine, Process, Program, Timings } from '../contracts.js';
import type { Socket } from 'node:net';
import { HostNetwork } from '../network/host-network.js';
import type { Network } from '../network/network.js';
import { Owners } from './owners.js';
import { Processes } from './processes.js';

/** A file that is put on a machine. */
export interface NodeFile {
  readonly path: string;
  readonly content: string;
  /** Default 0644. */
  readonly mode?: number;
  /** `user:group`, default root's. */
  readonly owner?: string;
}

export interface NodeOptions {
  readonly name: string;
  readonly address: string;
  /** Folder of its own on this computer. */
  readonly folder: string;
  readonly network: Network<HostNetwork>;
  readonly timings: Timings;
}

/** One hollow machine: a folder of files, a network address, processes. */
export class HollowNode implements Machine {
  readonly name: string;
  readonly address: string;
  readonly folder: string;
  readonly timings: Timings;
  readonly owners = new Owners();
  readonly network: HostNetwork;
  readonly processes: Processes;
  /** What kubelet gives every container: where the Service `kubernetes` is. */
  podEnvironment: Readonly<Record<string, string>> = {};

  constructor({ name, address, folder, network, timings }: NodeOptions) {
    this.name = name;
    this.address = address;
    this.folder = folder;
    this.timings = timings;
    this.network = new HostNetwork(address, network);
    mkdirSync(this.root, { recursive: true, mode: 0o755 });
    this.processes = new Processes(this.root, Date.now());
    this.boot();
    this.write({ path: '/etc/hostname', content: `${name}\n` });
  }

  /** The kernel starts: a new id of the boot, a network that knows nothing of before. */
  boot(): void {
    this.write({ path: '/proc/sys/kernel/random/boot_id', content: `${randomUUID()}\n` });
    this.network.up();
  }

  /** What KEYROLL_ROOT is on this machine. */
  get root(): string {
    return join(this.folder, 'root');
  }

  path(file: string): string {
    return join(this.root, file);
  }

  write({ path, content, mode = 0o644, owner }: NodeFile): void {
    const file = this.path(path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content, { mode });
    chmodSync(file, mode);
    if (owner !== undefined) this.owners.give(file, owner);
  }

  listen(port: number, onConnection: (socket: Socket) => void): Promise<Listener> {
    return this.network.listen(this.address, port, onConnection);
  }

  dial(host: string, port: number): Promise<Socket> {
    return this.network.dial(this.address, host, port);
  }

  log(line: string): void {
    // What ends last may speak when the machine's folder is gone.
    if (!existsSync(this.folder)) return;
    appendFileSync(join(this.folder, 'log'), `${new Date().toISOString()} ${line}\n`);
  }

  /** Starts a program on this machine itself, as a unit does. */
  start(program: Program, argv: readonly string[]): Process {
    const name = argv[0]?.replace(/.*\//, '') ?? 'process';
    const log = (line: string): void => this.log(`${name}: ${line}`);
    const seen: Machine = {
      name: this.name,
      address: this.address,
      path: (file) => this.path(file),
      listen: (port, onConnection) => this.listen(port, onConnection),
      dial: (host, port) => this.dial(host, port),
      log,
    };
    const process = this.processes.start(argv, () => program.start(argv, seen));
    void process.ended.then((code) => log(`ended with ${code}`));
    return process;
  }
}
