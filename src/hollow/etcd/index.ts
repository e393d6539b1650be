import { readFileSync } from 'node:fs';
import type { TLSSocket } from 'node:tls';
import type { DialEtcd, EtcdClientFiles, Machine, Program, Running, Timings } from '../contracts.js';
import { openTls } from '../tls/client-side.js';
import { Consensus } from './consensus.js';
import { readEtcdFlags } from './flags.js';
import { hollowProtocol, Member } from './member.js';
import { EtcdSession } from './session.js';

const dialMs = 5_000;

/** The etcd of one cluster: the program that machines start, and how clients reach its members. */
export class Etcd {
  readonly #timings: Timings;
  readonly #members = new Map<string, Member>();
  #consensus: Consensus | undefined;
  #stopped = false;

  constructor(timings: Timings) {
    this.#timings = timings;
  }

  readonly program: Program = { start: (argv, machine) => this.#start(argv, machine) };

  readonly dial: DialEtcd = (machine, files) => this.connect(machine, files, this.#timings);

  get consensus(): Consensus | undefined {
    return this.#consensus;
  }

  stop(): void {
    this.#stopped = true;
    this.#consensus?.stop();
  }

  /** The member whose number a client was told. */
  member(id: string): Member | undefined {
    return this.#members.get(id);
  }

  /** Resolves when the member of this machine answers clients, or all is stopped. */
  async ready(name: string): Promise<void> {
    const up = (): boolean =>
      [...this.#members.values()].some(
        (member) => member.name === name && (this.#consensus?.serves(name) ?? false),
      );
    while (!this.#stopped && !up()) await new Promise((resolve) => setTimeout(resolve, 20));
  }

  /** As `DialEtcd`; the session says more of the member. */
  async connect(
    machine: Machine,
    files: EtcdClientFiles,
    timings: Timings = this.#timings,
  ): Promise<EtcdSession> {
    const { hostname, port } = new URL(files.endpoint);
    const tcp = await machine.dial(hostname, Number(port));
    const read = (file: string): string => readFileSync(machine.path(file), 'utf8');
    const socket = openTls(tcp, {
      host: hostname,
      ca: files.ca,
      cert: read(files.certFile),
      key: read(files.keyFile),
      protocols: [hollowProtocol],
    });
    const member = this.#members.get(await greeting(socket));
    if (!member) throw new Error(`${files.endpoint}: no member answered`);
    return new EtcdSession(member, socket, timings);
  }

  #start(argv: readonly string[], machine: Machine): Running {
    let end: (code: number) => void = () => undefined;
    const ended = new Promise<number>((resolve) => (end = resolve));
    let member: Member | undefined;
    const stop = (code: number): void => {
      member?.stop();
      if (member && this.#members.get(member.id) === member) this.#members.delete(member.id);
      end(code);
    };
    try {
      const flags = readEtcdFlags(argv.slice(1));
      this.#consensus ??= new Consensus([...flags.members.keys()], this.#timings);
      const started = new Member(machine, flags, this.#consensus);
      member = started;
      this.#members.set(started.id, started);
      started.start(this.#timings).catch((error: unknown) => {
        machine.log((error as Error).message);
        stop(1);
      });
    } catch (error) {
      machine.log((error as Error).message);
      stop(1);
    }
    return { ended, signal: (name) => stop(name === 'KILL' ? 137 : 0) };
  }
}

/** The member's number, which it sends when it has accepted the client. */
function greeting(socket: TLSSocket): Promise<string> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => fail(new Error('context deadline exceeded')), dialMs);
    const fail = (error: Error): void => {
      clearTimeout(late);
      socket.destroy();
      reject(error);
    };
    socket.on('error', fail);
    socket.once('close', () => fail(new Error('remote error: tls: bad certificate')));
    socket.once('data', (bytes: Buffer) => {
      clearTimeout(late);
      resolve(bytes.toString().trim());
    });
  });
}
