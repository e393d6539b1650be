import { Client } from '../client/client.js';
import { readKubeconfig } from '../client/config.js';
import type { Machine, Program, Timings } from '../contracts.js';
import { goFlags, running, type Work } from './running.js';

/** kube-addon-manager, as far as it matters here: a client of the API that looks at its namespace again and again. */
export function addonManager(timings: Timings): Program {
  return {
    start: (argv, machine) =>
      running(machine, () => {
        const file = goFlags('kube-addon-manager', argv.slice(1), ['--kubeconfig']).get('--kubeconfig') ?? '';
        return new AddonManager(
          machine,
          new Client(machine, readKubeconfig(machine, file), timings),
          4 * timings.nodeStatusMs,
        );
      }),
  };
}

class AddonManager implements Work {
  readonly #machine: Machine;
  readonly #client: Client;
  readonly #everyMs: number;
  #looking: NodeJS.Timeout | undefined;

  constructor(machine: Machine, client: Client, everyMs: number) {
    this.#machine = machine;
    this.#client = client;
    this.#everyMs = everyMs;
  }

  run(): Promise<void> {
    this.#looking = setInterval(() => {
      this.#client.list('/api/v1/namespaces/kube-system/configmaps').catch((error: unknown) => {
        this.#machine.log(`cannot list addons: ${(error as Error).message}`);
      });
    }, this.#everyMs);
    return new Promise(() => undefined);
  }

  stop(): void {
    clearInterval(this.#looking);
    this.#client.close();
  }
}
