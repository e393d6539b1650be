import { setTimeout as sleep } from 'node:timers/promises';
import { isPassing } from '../adapters/kube/error.js';
import type { StopRequest } from '../execute/stop.js';

export interface WaitOptions {
  readonly timeoutMs: number;
  /** The longest pause between two looks; the first ones are shorter. Default 500 ms. */
  readonly everyMs?: number;
  /** Ends the wait early: only where it can be begun again. */
  readonly stop?: StopRequest;
}

/** What settles at once is seen at once; what takes its time is not asked for all the time. */
const firstMs = 100;
const growth = 1.5;

/** Pauses, ms, between looks at what changes: from a tenth of a second on, each half as long again, at most `longestMs`. */
export function* pauses(longestMs: number): Generator<number, never> {
  for (let ms = firstMs; ; ms *= growth) yield Math.min(ms, longestMs);
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
  for (const pause of pauses(everyMs)) {
    const seen = await look().catch((error: unknown) => {
      if (isPassing(error)) return (error as Error).message;
      throw error;
    });
    if (seen === true) return;
    if (Date.now() >= until)
      throw new Error(
        `${what}: not so after ${Math.round(timeoutMs / 1000)} s; ${seen}; run the same command again to go on`,
      );
    await sleep(pause, undefined, stop ? { signal: stop.signal } : {}).catch(() => stop?.check());
    stop?.check();
  }
}
