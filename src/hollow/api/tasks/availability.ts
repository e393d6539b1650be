import { timestamp, type Condition } from '../../kube/objects.js';
import { resourceOf } from '../../kube/resources.js';
import type { Aggregator, ApiService } from '../aggregate.js';
import { ApiError } from '../api-error.js';
import type { Cache } from '../cache.js';
import type { Storage } from '../storage.js';

const apiservices = resourceOf('apiservices');

/** Asks every aggregated API server again and again whether it answers, and writes it into its APIService. */
export class Availability {
  #timer: NodeJS.Timeout | undefined;
  #busy = false;

  constructor(
    private readonly storage: Storage,
    private readonly services: Cache,
    private readonly aggregator: Aggregator,
    private readonly log: (line: string) => void,
  ) {}

  start(periodMs: number): void {
    this.#timer = setInterval(() => this.#soon(), periodMs);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #soon(): void {
    if (this.#busy) return;
    this.#busy = true;
    this.#look()
      .catch((error: unknown) => this.log(`availability: ${(error as Error).message}`))
      .finally(() => (this.#busy = false));
  }

  async #look(): Promise<void> {
    for (const service of this.services.all as readonly ApiService[])
      if (service.spec.service !== undefined)
        await this.#write(service, await this.aggregator.fault(service));
  }

  async #write(service: ApiService, fault: string | undefined): Promise<void> {
    const state = {
      type: 'Available',
      status: fault === undefined ? 'True' : 'False',
      reason: fault === undefined ? 'Passed' : 'FailedDiscoveryCheck',
      message: fault ?? 'all checks passed',
    };
    try {
      await this.storage.change(apiservices, undefined, service.metadata.name, (found) => {
        const [before] = (found['status'] as { conditions?: Condition[] } | undefined)?.conditions ?? [];
        const same = before?.status === state.status && before.message === state.message;
        const condition = same ? before : { ...state, lastTransitionTime: timestamp() };
        return { ...found, status: { conditions: [condition] } };
      });
    } catch (error) {
      // It was deleted meanwhile.
      if (!(error instanceof ApiError) || error.code !== 404) throw error;
    }
  }
}
