import type { Process } from '../contracts.js';

/** A service as its unit file describes it. */
export interface ServiceDefinition {
  readonly name: string;
  /** Starts the main process. @throws Error when it cannot be started */
  readonly start: () => Process;
  /** For Type=notify: resolves when the service says that it is ready; else it is when it has been started. */
  readonly ready?: () => Promise<void>;
  /** How long a service that ended by itself is left alone before its restart, ms (`Restart=always`). */
  readonly restartMs: number;
  /** Before SIGKILL follows SIGTERM, ms. */
  readonly stopMs?: number;
}

type State = 'inactive' | 'activating' | 'active' | 'deactivating';

/** One service: what runs of it, and the will that it runs. */
export class Service {
  state: State = 'inactive';
  readonly definition: ServiceDefinition;
  #process: Process | undefined;
  #restart: NodeJS.Timeout | undefined;
  #wanted = false;

  constructor(definition: ServiceDefinition) {
    this.definition = definition;
  }

  /** 0 when nothing runs, as systemd tells it. */
  get mainPid(): number {
    return this.#process?.pid ?? 0;
  }

  /** Resolves when it is ready; does nothing when it runs. */
  async start(): Promise<void> {
    if (this.#wanted) return;
    this.#wanted = true;
    await this.#begin();
  }

  /** Resolves when its process has ended. */
  async stop(): Promise<void> {
    this.#wanted = false;
    clearTimeout(this.#restart);
    const process = this.#process;
    if (process) {
      this.state = 'deactivating';
      process.signal('TERM');
      const late = setTimeout(() => process.signal('KILL'), this.definition.stopMs ?? 10_000);
      await process.ended;
      clearTimeout(late);
    }
    this.state = 'inactive';
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  /** `systemctl kill`. */
  kill(): void {
    this.#process?.signal('TERM');
  }

  /** Forgets all at once, as when the machine loses its power. */
  vanish(): void {
    this.#wanted = false;
    clearTimeout(this.#restart);
    this.#process?.signal('KILL');
    this.state = 'inactive';
  }

  async #begin(): Promise<void> {
    this.state = 'activating';
    const process = this.definition.start();
    this.#process = process;
    void process.ended.then(() => this.#ended(process));
    if (this.definition.ready) await Promise.race([this.definition.ready(), process.ended]);
    if (this.#process === process) this.state = 'active';
  }

  #ended(process: Process): void {
    if (this.#process !== process) return;
    this.#process = undefined;
    if (!this.#wanted) return;
    this.state = 'activating';
    this.#restart = setTimeout(() => void this.#begin(), this.definition.restartMs);
  }
}
