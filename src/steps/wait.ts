import { setTimeout as sleep } from 'node:timers/promises';
import { isPassing } from '../adapters/kube/error.js';
import type { StopRequest } from '../execute/stop.js';

export interface WaitOptions {
  readonly timeoutMs: number;
  /** Default 500 ms. */
  readonly everyMs?: number;
  /** Ends the wait early: only where it can be begun again. */
  readonly stop?: StopRequest;
}

/**
 * Waits until `look` answers true; anything else that it answers says what is still missing, and so does an error of an
 * API server that is busy or away for a moment.
 * @throws StoppedError when a stop was asked for
 * @throws any other error of `look`
 * @throws Error naming what was waited for, for how long, and what was seen last
 */
export async function waitFor(
  what: string,
  look: () => Promise<true | string>,
  { timeoutMs, everyMs = 500, stop }: WaitOptions,
): Promise<void> {
  const until = Date.now() + timeoutMs;
  for (;;) {
    const seen = await look().catch((error: unknown) => {
      if (isPassing(error)) return (error as Error).message;
      throw error;
    });
    if (seen === true) return;
    if (Date.now() >= until)
      throw new Error(
        `${what}: not so after ${Math.round(timeoutMs / 1000)} s; ${seen}; run the same command again to go on`,
      );
    await sleep(everyMs, undefined, stop ? { signal: stop.signal } : {}).catch(() => stop?.check());
    stop?.check();
  }
}
