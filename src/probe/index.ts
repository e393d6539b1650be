import { ProbeError } from './engine.js';
import { loadClasses, type LoadConfig } from './load.js';
import type { Asked, Order, Told } from './messages.js';
import { spawnWorker } from './spawn.js';
import type { Credentials, ProbeConfig, ProbeStats } from './types.js';

export { ProbeError } from './engine.js';
export type { LoadConfig } from './load.js';
export type * from './types.js';

/** A probe that runs in a thread of its own. Every promise rejects with `ProbeError` once the thread has died. */
export interface Probe {
  /** The first request must succeed, as at the start. Nothing happens when it runs already. */
  startClass(name: string): Promise<void>;
  /** Resolves when all its requests have ended (at most 5 s, a watch 7 s). May be called again. */
  stopClass(name: string): Promise<void>;
  /**
   * New credentials, taken by connections that are made from now on. With `reconnect` kept connections are left for
   * new ones, without breaking what is under way.
   */
  setCredentials(name: string, credentials: Credentials, reconnect?: boolean): Promise<void>;
  /** The figures of this moment. */
  stats(): Promise<ProbeStats>;
  /** Stops all classes, reads back what was written, deletes it, ends the thread. The final figures; once only. */
  finish(): Promise<ProbeStats>;
  /** Ends the thread at once and leaves written ConfigMaps where they are. May be called at any time, and again. */
  terminate(): Promise<void>;
}

interface Waiting {
  readonly resolve: (stats: ProbeStats) => void;
  readonly reject: (error: Error) => void;
}

/** The main thread's end of the worker. */
class WorkerProbe implements Probe {
  readonly #worker;
  readonly #waiting = new Map<number, Waiting>();
  #lastId = 0;
  #death: ProbeError | undefined;

  constructor(
    config: ProbeConfig,
    private readonly onStats: (stats: ProbeStats) => void,
    private readonly onDeath: (error: Error) => void,
  ) {
    this.#worker = spawnWorker(config);
    this.#worker.on('message', (told: Told) => this.#hear(told));
    this.#worker.on('error', (error) => this.#die(`the probe's thread failed: ${String(error)}`));
    this.#worker.on('exit', () => this.#die("the probe's thread has ended"));
  }

  ask(order: Order): Promise<ProbeStats> {
    if (this.#death !== undefined) return Promise.reject(this.#death);
    const asked: Asked = { id: (this.#lastId += 1), order };
    return new Promise((resolve, reject) => {
      this.#waiting.set(asked.id, { resolve, reject });
      this.#worker.postMessage(asked);
    });
  }

  async startClass(name: string): Promise<void> {
    await this.ask({ do: 'start', name });
  }

  async stopClass(name: string): Promise<void> {
    await this.ask({ do: 'stop', name });
  }

  async setCredentials(name: string, credentials: Credentials, reconnect = false): Promise<void> {
    await this.ask({ do: 'credentials', name, credentials, reconnect });
  }

  stats(): Promise<ProbeStats> {
    return this.ask({ do: 'stats' });
  }

  async finish(): Promise<ProbeStats> {
    const stats = await this.ask({ do: 'finish' });
    await this.terminate();
    return stats;
  }

  async terminate(): Promise<void> {
    this.#death ??= new ProbeError('the probe was ended');
    this.#rejectAll(this.#death);
    await this.#worker.terminate();
  }

  #hear(told: Told): void {
    if ('progress' in told) {
      this.onStats(told.progress);
      return;
    }
    const waiting = this.#waiting.get(told.id);
    this.#waiting.delete(told.id);
    if ('error' in told) waiting?.reject(new ProbeError(told.error));
    else waiting?.resolve(told.stats);
  }

  #die(reason: string): void {
    if (this.#death !== undefined) return;
    this.#death = new ProbeError(`${reason}; nothing is measured from here on`);
    this.#rejectAll(this.#death);
    this.onDeath(this.#death);
  }

  #rejectAll(error: Error): void {
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}

/**
 * Starts the probe in a worker thread and resolves when the first request of every class has succeeded and all of
 * them run. `onStats` gets the figures every second; `onDeath` is called if the thread dies before `finish`.
 * @throws ProbeError naming the class that is unreachable, or whose configuration is wrong, and why
 */
export async function startProbe(
  config: ProbeConfig,
  onStats: (stats: ProbeStats) => void = () => undefined,
  onDeath: (error: Error) => void = () => undefined,
): Promise<Probe> {
  const probe = new WorkerProbe(config, onStats, onDeath);
  try {
    await probe.ask({ do: 'begin' });
    return probe;
  } catch (error) {
    await probe.terminate();
    throw error;
  }
}

/** The same for load alone: classes `load-read` and `load-write`. */
export function runLoad(load: LoadConfig, onStats?: (stats: ProbeStats) => void): Promise<Probe> {
  return startProbe({ classes: loadClasses(load) }, onStats);
}
