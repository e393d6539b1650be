import { setTimeout as sleep } from 'node:timers/promises';
import type { StopRequest } from '../execute/stop.js';
import type { Step, StepKind } from '../model/plan.js';

/** A read that is answered within this time, or within three times the fastest one where the way is long, is quick. */
const quickMs = 300;
const readsInARow = 3;
const lookEveryMs = 1000;
const patienceMs = 30_000;
/** A disturbance is felt a moment after it began: the next one's look at the API comes later. */
const stepsApartMs = 2000;
/** A wait that is shorter is nothing to speak of. */
const worthANoteMs = 5000;

const disturbing: ReadonlySet<StepKind> = new Set<StepKind>([
  'restart-apiserver',
  'reboot-master',
  'move-leader',
  'swap-pod',
  'refresh-node',
  'refresh-windows-node',
]);

/** Whether a step takes a server, a kubelet or a leader away for a moment. */
export function disturbs({ kind }: Pick<Step, 'kind'>): boolean {
  return disturbing.has(kind);
}

export interface Surroundings {
  /** Reads from the API through etcd; rejects when it is not answered. */
  readonly read: () => Promise<unknown>;
  readonly stop: StopRequest;
  readonly note: (text: string) => void;
  /** A clock, ms. */
  readonly now?: () => number;
}

/** The wait before a disturbance. `apartMs`: how long after the beginning of the last one the look at the API comes, 2 s. */
export type Calm = (apartMs?: number) => Promise<void>;

/**
 * Makes the wait before a disturbance: until the API answers three reads in a row quickly, so that a cluster that is still
 * busy with the last disturbance is not given the next one. After 30 s it resolves all the same, with a note: a cluster may
 * be slow for reasons of its own, and each step has conditions of its own.
 * The wait may be asked for again, also beside itself: then one after another, so that two disturbances do not begin at once.
 * @throws StoppedError (the wait) when a stop was asked for
 */
export function calmness({ read, stop, note, now = () => performance.now() }: Surroundings): Calm {
  let fastest = Infinity;
  let last = -Infinity;
  let turn = Promise.resolve();
  const pause = (ms: number): Promise<void> =>
    sleep(ms, undefined, { signal: stop.signal }).catch(() => stop.check());
  const answer = async (): Promise<Answer> => {
    const begun = now();
    const failure = await read().then(
      () => undefined,
      (error: unknown) => (error instanceof Error ? error.message : String(error)),
    );
    const ms = now() - begun;
    if (failure !== undefined) return { quick: false, seen: failure };
    fastest = Math.min(fastest, ms);
    return { quick: ms <= Math.max(quickMs, 3 * fastest), seen: `a read took ${Math.round(ms)} ms` };
  };
  const untilCalm = async (): Promise<void> => {
    const begun = now();
    for (;;) {
      const seen = await firstSlow(answer);
      const waited = now() - begun;
      const seconds = Math.round(waited / 1000);
      if (seen === undefined) {
        if (waited > worthANoteMs) note(`waited ${seconds} s until the API answered quickly again`);
        return;
      }
      if (waited > patienceMs) {
        note(`the API is still slow after ${seconds} s (${seen}): going on`);
        return;
      }
      await pause(lookEveryMs);
    }
  };
  const inTurn = async (apartMs: number): Promise<void> => {
    stop.check();
    const wait = last + apartMs - now();
    if (wait > 0) await pause(wait);
    await untilCalm();
    last = now();
  };
  return (apartMs = stepsApartMs) => {
    const own = turn.then(() => inTurn(apartMs));
    // Whose wait is stopped has told so itself.
    turn = own.catch(() => undefined);
    return own;
  };
}

interface Answer {
  readonly quick: boolean;
  /** In words. */
  readonly seen: string;
}

/** What was seen of the first read that was not quick, or undefined when all were. */
async function firstSlow(answer: () => Promise<Answer>): Promise<string | undefined> {
  for (let read = 0; read < readsInARow; read++) {
    const { quick, seen } = await answer();
    if (!quick) return seen;
  }
  return undefined;
}
