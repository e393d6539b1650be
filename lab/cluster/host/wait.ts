import { setTimeout as sleep } from 'node:timers/promises';

/** Thrown by a look when waiting longer makes no sense. */
export class Hopeless extends Error {
  override readonly name = 'Hopeless';
}

/** What is waited for, and for how long. */
export interface Wait {
  /** For the error: `node k8s-master-1: SSH`. */
  readonly what: string;
  readonly seconds: number;
  /** Milliseconds between two looks (default 250). */
  readonly everyMs?: number;
}

/**
 * Looks until `look` returns something other than undefined, and returns it. An error of `look` counts as "not yet",
 * except a Hopeless one.
 * @throws after the given time, with the last error of `look`
 */
export async function waitFor<T>(wait: Wait, look: () => Promise<T | undefined>): Promise<T> {
  const deadline = Date.now() + wait.seconds * 1000;
  let last = '';
  for (;;) {
    try {
      const found = await look();
      if (found !== undefined) return found;
      last = '';
    } catch (error) {
      if (error instanceof Hopeless) throw error;
      last = error instanceof Error ? error.message : String(error);
    }
    if (Date.now() >= deadline) {
      throw new Error(
        `${wait.what}: not there after ${wait.seconds} s${last === '' ? '' : `; last: ${last}`}`,
      );
    }
    await sleep(wait.everyMs ?? 250);
  }
}

/** Looks until `look` returns true, or throws as waitFor does. */
export async function waitUntil(wait: Wait, look: () => Promise<boolean>): Promise<void> {
  await waitFor(wait, async () => ((await look()) ? true : undefined));
}
