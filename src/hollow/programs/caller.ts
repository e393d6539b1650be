import { appendFileSync, mkdirSync } from 'node:fs';
import { Client, StatusError } from '../client/client.js';
import { inClusterConfig } from '../client/config.js';
import type { Listener, Machine, Program, Timings } from '../contracts.js';
import { running, type Work } from './running.js';

/** What the workloads of a cluster saw of its API, all pods together. */
export interface Calls {
  requests: number;
  failed: number;
}

const everyMs = 1_000;

/**
 * A workload: calls the API as its account, with the trust that it was started with, and answers its readiness probe. Each
 * failure is a line in a file of its own on the node.
 */
export function caller(timings: Timings, calls: Calls): Program {
  return {
    start: (argv, machine, environment = {}) =>
      running(machine, () => {
        if (argv[0] !== 'client') throw new Error(`the image has no program ${argv.join(' ')}`);
        return new Caller(machine, environment, timings, calls);
      }),
  };
}

class Caller implements Work {
  readonly #machine: Machine;
  readonly #client: Client;
  readonly #path: string;
  readonly #calls: Calls;
  readonly #results: string;
  #listener: Listener | undefined;
  #calling: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(
    machine: Machine,
    environment: Readonly<Record<string, string>>,
    timings: Timings,
    calls: Calls,
  ) {
    this.#machine = machine;
    this.#client = new Client(machine, inClusterConfig(machine, environment), timings);
    this.#calls = calls;
    const { NAMESPACE: namespace = '', CONFIGMAP: name = '', RESULTS: folder = '/results' } = environment;
    this.#path = `/api/v1/namespaces/${namespace}/configmaps/${name}`;
    mkdirSync(machine.path(folder), { recursive: true });
    this.#results = machine.path(`${folder}/${machine.name}.failures`);
  }

  async run(): Promise<void> {
    this.#listener = await this.#machine.listen(8080, (socket) => {
      socket.on('error', () => undefined);
      // What is not read hides the end of the connection, and the socket would stay.
      socket.resume().end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok');
    });
    if (this.#stopped) this.#listener.close();
    else this.#calling = setInterval(() => void this.#call(), everyMs);
    return new Promise(() => undefined);
  }

  stop(): void {
    this.#stopped = true;
    clearInterval(this.#calling);
    this.#listener?.close();
    this.#client.close();
  }

  async #call(): Promise<void> {
    this.#calls.requests += 1;
    try {
      await this.#client.get(this.#path).catch((error: unknown) => {
        // A connection that was closed before the answer is made anew once, as Go's client does.
        if (error instanceof StatusError || this.#stopped) throw error;
        return this.#client.get(this.#path);
      });
    } catch (error) {
      // Its own end is no failure of the API.
      if (this.#stopped) return;
      this.#calls.failed += 1;
      appendFileSync(this.#results, `${new Date().toISOString()} ${(error as Error).message}\n`);
      this.#machine.log(`call failed: ${(error as Error).message}`);
    }
  }
}
