import { setTimeout as sleep } from 'node:timers/promises';
import { RemoteError, type RemoteFailure } from '../adapters/ssh/error.js';

/** What a machine answers with while it or its network starts again. */
const passing: readonly RemoteFailure[] = ['unreachable', 'connection-lost', 'timeout'];

export interface Patience {
  /** ms of `Date.now()` until which trouble counts as passing. */
  readonly until: number;
  readonly everyMs: number;
  /** Failures that pass, besides those of the network. */
  readonly also?: readonly RemoteFailure[];
}

/** Asks again as long as a machine cannot be reached. Only for what may be asked twice. @throws what `ask` throws */
export async function patiently<T>(
  ask: () => Promise<T>,
  { until, everyMs, also = [] }: Patience,
): Promise<T> {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      const passes = error instanceof RemoteError && [...passing, ...also].includes(error.failure);
      if (!passes || Date.now() >= until) throw error;
    }
    await sleep(everyMs);
  }
}
