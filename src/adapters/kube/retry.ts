import { setTimeout as delay } from 'node:timers/promises';

/** Pauses before each further try; their number bounds the tries. */
const pausesMs = [200, 800];

/**
 * Tries an action again after a pause, at most twice, as long as `again` says so and the pause ends before the deadline.
 * @param deadline in ms of `Date.now()`
 */
export async function retried<T>(
  deadline: number,
  action: () => Promise<T>,
  again: (outcome: { value: T } | { error: unknown }) => boolean,
): Promise<T> {
  for (const pauseMs of pausesMs) {
    const outcome = await action().then(
      (value) => ({ value }),
      (error: unknown) => ({ error }),
    );
    if (!again(outcome) || Date.now() + pauseMs >= deadline) {
      if ('error' in outcome) throw outcome.error;
      return outcome.value;
    }
    await delay(pauseMs);
  }
  return action();
}
