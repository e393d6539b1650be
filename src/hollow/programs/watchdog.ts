import { readFileSync } from 'node:fs';
import { get } from '../commands/curl.js';
import type { Machine, Program, Timings } from '../contracts.js';
import { certs } from '../cluster/flags.js';
import { running, type Work } from './running.js';

/** What one watchdog looks at, and which service it kills. */
interface Target {
  readonly victim: string;
  readonly healthy: (machine: Machine) => Promise<void>;
}

export interface WatchdogOptions {
  readonly apiPort: number;
  readonly etcdPort: number;
  /** From its start until its first check, ms. */
  readonly delayMs: number;
  readonly kill: (service: string) => void;
}

/** AKS Engine's health-monitor.sh: two failed checks in a row, and what it watches over is killed; then it looks away. */
export function watchdog(options: WatchdogOptions, timings: Pick<Timings, 'watchdogMs'>): Program {
  return {
    start: (argv, machine) =>
      running(machine, () => {
        const target = targets(options)[argv[1] ?? ''];
        if (!target) throw new Error(`unknown target "${argv[1] ?? ''}"`);
        return new Watchdog(machine, argv[1] ?? '', target, options, timings.watchdogMs);
      }),
  };
}

function targets({ apiPort, etcdPort }: WatchdogOptions): Readonly<Record<string, Target>> {
  const asked = (machine: Machine, name: string, url: string): Promise<void> => {
    const read = (file: string): string => readFileSync(machine.path(`${certs}/${file}`), 'utf8');
    const pair = { ca: read('ca.crt'), certificate: read(`${name}.crt`), key: read(`${name}.key`) };
    return expectOk(machine, { url: new URL(url), timeoutMs: 10_000, ...pair });
  };
  return {
    apiserver: {
      victim: 'kubelet',
      healthy: (machine) => asked(machine, 'client', `https://${machine.address}:${apiPort}/readyz`),
    },
    etcd: {
      victim: 'etcd',
      healthy: (machine) =>
        asked(machine, 'etcdclient', `https://${machine.address}:${etcdPort}/v2/machines`),
    },
    kubelet: {
      victim: 'kubelet',
      healthy: (machine) =>
        expectOk(machine, { url: new URL('http://127.0.0.1:10248/healthz'), timeoutMs: 10_000 }),
    },
    containerd: { victim: 'containerd', healthy: () => Promise.resolve() },
  };
}

async function expectOk(machine: Machine, asked: Parameters<typeof get>[1]): Promise<void> {
  const { status } = await get(machine, asked);
  if (status >= 400) throw new Error(`status ${status}`);
}

class Watchdog implements Work {
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(
    private readonly machine: Machine,
    private readonly name: string,
    private readonly target: Target,
    private readonly options: WatchdogOptions,
    private readonly everyMs: number,
  ) {}

  run(): Promise<void> {
    this.#after(this.options.delayMs, 0);
    return new Promise(() => undefined);
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #after(ms: number, failed: number): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => void this.#check(failed), ms);
  }

  async #check(failed: number): Promise<void> {
    try {
      await this.target.healthy(this.machine);
      this.#after(this.everyMs, 0);
    } catch (error) {
      if (this.#stopped) return;
      this.machine.log(`${this.name} is unhealthy: ${(error as Error).message}`);
      if (failed === 0) {
        this.#after(this.everyMs, 1);
        return;
      }
      this.machine.log(`kills ${this.target.victim}`);
      this.options.kill(this.target.victim);
      this.#after(6 * this.everyMs, 0);
    }
  }
}
