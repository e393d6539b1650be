import type { ChildProcess } from 'node:child_process';
import { signalGroup, type Shell } from '../node/shell.js';
import { Service, type ServiceDefinition } from './unit.js';

/** A transient unit that `systemd-run` starts. */
export interface Transient {
  readonly name: string;
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** One command line for a shell-like split by blanks, run when the main process is gone. */
  readonly execStopPost?: string;
  readonly stopMs: number;
}

/** A unit on the disk that is started at each boot, before all services. */
export interface BootUnit {
  /** `oneshot`: services wait for its end; `simple`: for the end of what runs before it. */
  readonly type: 'oneshot' | 'simple';
  readonly before?: readonly string[];
  readonly argv: readonly string[];
  readonly execStopPost?: string;
}

/** A machine's service manager: services that are on its disk, transient units and timers. */
export class Systemd {
  readonly #shell: Shell;
  readonly #services = new Map<string, Service>();
  readonly #transients = new Map<string, { readonly unit: Transient; readonly main: ChildProcess }>();
  readonly #bootUnits = new Map<string, BootUnit>();
  readonly #ending = new Set<Promise<void>>();
  #stopping = false;
  readonly #timers = new Map<string, NodeJS.Timeout>();

  constructor(shell: Shell) {
    this.#shell = shell;
  }

  /** A service that is enabled; it starts with `boot`. */
  define(definition: ServiceDefinition): void {
    this.#services.set(definition.name, new Service(definition));
  }

  service(name: string): Service | undefined {
    return this.#services.get(bare(name));
  }

  /** In the order in which they are enabled they are started at each boot. */
  enable(name: string, unit: BootUnit): void {
    this.#bootUnits.set(bare(name), unit);
  }

  /** What `systemctl is-system-running` says. */
  get running(): 'running' | 'stopping' {
    return this.#stopping ? 'stopping' : 'running';
  }

  /** @returns false when there is none of this name */
  disable(name: string): boolean {
    return this.#bootUnits.delete(bare(name));
  }

  /** Starts what is enabled; resolves when all is ready. */
  async boot(): Promise<void> {
    this.#stopping = false;
    for (const [name, { type, before, argv, execStopPost }] of [...this.#bootUnits]) {
      if (before) await this.#toItsEnd(before);
      if (type === 'oneshot') await this.#toItsEnd(argv);
      else void this.run({ name, argv, env: {}, stopMs: 10_000, ...(execStopPost ? { execStopPost } : {}) });
    }
    await Promise.all([...this.#services.values()].map((service) => service.start()));
  }

  async #toItsEnd(argv: readonly string[]): Promise<void> {
    const main = this.#shell.run(argv, { env: {} });
    await new Promise((resolve) => main.once('exit', resolve));
  }

  /** As before a machine's orderly end: transient units stop, and what they have for their end runs; then services. */
  async shutdown(): Promise<void> {
    this.#stopping = true;
    await Promise.all(
      [...this.#transients.values()].map(({ unit, main }) => this.#stopTransient(unit, main)),
    );
    await Promise.all(this.#ending);
    await Promise.all([...this.#services.values()].map((service) => service.stop()));
  }

  /** As when the machine loses its power. */
  vanish(): void {
    for (const service of this.#services.values()) service.vanish();
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
    this.#transients.clear();
  }

  /** What \`systemctl is-active\` says. */
  state(name: string): string {
    if (this.#timers.has(name)) return 'active';
    const service = this.#services.get(bare(name));
    return service ? service.state : this.#transients.has(bare(name)) ? 'active' : 'inactive';
  }

  knows(name: string): boolean {
    return this.state(name) !== 'inactive' || this.#services.has(bare(name));
  }

  /** Resolves when the unit has ended, with what it has for its end, to whether its main process ended well. */
  async run(unit: Transient): Promise<boolean> {
    const main = this.#shell.run(unit.argv, { env: unit.env });
    this.#transients.set(unit.name, { unit, main });
    const code = await new Promise((resolve) => main.once('exit', resolve));
    if (this.#transients.get(unit.name)?.main !== main) return false;
    this.#transients.delete(unit.name);
    // What it started and left behind ends with it, as the whole control group does.
    signalGroup(main, 'SIGKILL');
    if (unit.execStopPost !== undefined) await this.#endWith(unit.execStopPost, unit.env);
    return code === 0;
  }

  async #endWith(line: string, env: Transient['env']): Promise<void> {
    const post = this.#shell.run(line.split(/\s+/), { env });
    const ended = new Promise<void>((resolve) => post.once('exit', () => resolve()));
    this.#ending.add(ended);
    await ended;
    this.#ending.delete(ended);
  }

  /** A timer that starts a transient unit once. */
  runLater(unit: Transient, delayMs: number): void {
    const timer = `${unit.name}.timer`;
    this.#timers.set(
      timer,
      setTimeout(() => {
        this.#timers.delete(timer);
        void this.run(unit);
      }, delayMs),
    );
  }

  /** Stops a service, a transient unit or a timer. @returns false when there is none of this name */
  async stop(name: string): Promise<boolean> {
    const timer = this.#timers.get(name);
    if (timer) {
      clearTimeout(timer);
      this.#timers.delete(name);
      return true;
    }
    const transient = this.#transients.get(bare(name));
    if (transient) {
      await this.#stopTransient(transient.unit, transient.main);
      return true;
    }
    const service = this.#services.get(bare(name));
    await service?.stop();
    return service !== undefined;
  }

  async #stopTransient({ stopMs }: Transient, main: ChildProcess): Promise<void> {
    const gone = new Promise((resolve) => main.once('exit', resolve));
    signalGroup(main, 'SIGTERM');
    const late = setTimeout(() => signalGroup(main, 'SIGKILL'), stopMs);
    await gone;
    clearTimeout(late);
  }
}

function bare(name: string): string {
  return name.replace(/\.service$/, '');
}
