import { CostMeter } from './cost.js';
import { Deadlines } from './deadlines.js';
import type { ProbeClass, Surroundings } from './probe-class.js';
import { DEFAULT_RATE } from './probe-class.js';
import { ReadClass } from './read-class.js';
import type { ClassConfig, Credentials, ProbeConfig, ProbeStats } from './types.js';
import { WatchClass } from './watch-class.js';
import { WriteClass } from './write-class.js';

/** Name of the class that asks the control server. */
const CONTROL = 'control';

/** Why the probe, or one of its classes, cannot run. */
export class ProbeError extends Error {
  override readonly name = 'ProbeError';
}

const text = (error: unknown) => (error instanceof Error ? error.message : String(error));

function controlClass({ host, port }: { host: string; port: number }): ClassConfig {
  const server = `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
  return { kind: 'fresh', name: CONTROL, targets: [{ server }], credentials: {}, path: '/' };
}

/** All classes of a probe, in the thread that calls it. The worker holds one; tests may hold one directly. */
export class Engine {
  readonly #deadlines = new Deadlines();
  readonly #cost = new CostMeter();
  readonly #around: Surroundings;
  readonly #classes = new Map<string, ProbeClass>();
  readonly #autostart: string[] = [];

  /** @throws ProbeError naming the class whose configuration cannot be used */
  constructor(config: ProbeConfig) {
    this.#around = {
      deadlines: this.#deadlines,
      timeoutMs: config.timeoutMs ?? 5000,
      startTimeoutMs: config.startTimeoutMs ?? 10_000,
      readBackTimeoutMs: config.readBackTimeoutMs ?? 30_000,
    };
    const control = config.control === undefined ? [] : [controlClass(config.control)];
    // A watch refers to its write class, which must be there first.
    const classes = [...config.classes, ...control];
    const watches = classes.filter(({ kind }) => kind === 'watch');
    for (const one of [...classes.filter(({ kind }) => kind !== 'watch'), ...watches]) this.#add(one);
  }

  /** The first request of every class, then all start, spread over one period. @throws ProbeError naming the class */
  async begin(): Promise<void> {
    await Promise.all(this.#autostart.map((name) => this.#prepare(name)));
    const period = 1000 / DEFAULT_RATE;
    for (const [i, name] of this.#autostart.entries()) {
      this.#get(name).start((i * period) / this.#autostart.length);
    }
  }

  /** Starts a class that was not started or was stopped. Nothing happens when it runs. @throws ProbeError */
  async startClass(name: string): Promise<void> {
    if (this.#get(name).stats().running) return;
    await this.#prepare(name);
    this.#get(name).start(0);
  }

  /** Resolves when all its requests have ended. May be called again. */
  async stopClass(name: string): Promise<void> {
    await this.#get(name).stop();
  }

  /** Used by connections made from now on. @throws ProbeError when they cannot be read */
  setCredentials(name: string, credentials: Credentials, reconnect: boolean): void {
    try {
      this.#get(name).setCredentials(credentials, reconnect);
    } catch (error) {
      throw new ProbeError(`probe class ${name}: the new credentials cannot be used: ${text(error)}`);
    }
  }

  stats(): ProbeStats {
    const all = [...this.#classes.values()].map((one) => [one.name, one.stats()] as const);
    const control = all.find(([name]) => name === CONTROL)?.[1];
    return {
      at: new Date().toISOString(),
      classes: Object.fromEntries(all.filter(([name]) => name !== CONTROL)),
      ...(control === undefined ? {} : { control }),
      worker: this.#cost.read(this.#deadlines.stalledMs),
    };
  }

  /** Stops everything, writers before watches, reads back what was written, and gives the final figures. */
  async finish(): Promise<ProbeStats> {
    const all = [...this.#classes.values()];
    const isWatch = (one: ProbeClass) => one instanceof WatchClass;
    await Promise.all(all.filter((one) => !isWatch(one)).map((one) => one.stop()));
    await Promise.all(all.filter(isWatch).map((one) => one.stop()));
    await Promise.all(all.map((one) => one.conclude()));
    const stats = this.stats();
    this.close();
    return stats;
  }

  close(): void {
    for (const one of this.#classes.values()) one.close();
    this.#deadlines.close();
    this.#cost.close();
  }

  async #prepare(name: string): Promise<void> {
    try {
      await this.#get(name).prepare();
    } catch (error) {
      const seconds = this.#around.startTimeoutMs / 1000;
      throw new ProbeError(
        `probe class ${name}: unreachable: no successful first request within ${seconds} s: ${text(error)}`,
      );
    }
  }

  #get(name: string): ProbeClass {
    const found = this.#classes.get(name);
    if (found !== undefined) return found;
    throw new ProbeError(
      `no probe class is called ${name}; there are ${[...this.#classes.keys()].join(', ')}`,
    );
  }

  #add(config: ClassConfig): void {
    if (this.#classes.has(config.name)) throw new ProbeError(`two probe classes are called ${config.name}`);
    try {
      this.#classes.set(config.name, this.#make(config));
    } catch (error) {
      throw new ProbeError(`probe class ${config.name}: ${text(error)}`);
    }
    if (config.autostart !== false) this.#autostart.push(config.name);
  }

  #make(config: ClassConfig): ProbeClass {
    switch (config.kind) {
      case 'write':
        return new WriteClass(config, this.#around);
      case 'watch':
        return this.#makeWatch(config);
      default:
        return new ReadClass(config, this.#around);
    }
  }

  #makeWatch(config: ClassConfig & { kind: 'watch' }): WatchClass {
    const writer = this.#classes.get(config.of);
    if (writer instanceof WriteClass) return new WatchClass(config, this.#around, writer.ledger);
    throw new ProbeError(`"of" must name a write class of the same probe, found "${config.of}"`);
  }
}
