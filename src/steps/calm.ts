import { setTimeout as sleep } from 'node:timers/promises';
import type { StopRequest } from '../execute/stop.js';
import type { Step, StepKind } from '../model/plan.js';

/** A read that is answered within this time, or within three times the fastest one where the way is long, is quick. */
const quickMs = 300;
/** Reads that are answered within this time show a cluster that has nothing to do. */
const promptMs = 25;
/** Of the time for which a disturbance is felt: so much has gone by at the first look. */
const promptPart = 0.4;
const readsInARow = 3;
const lookEveryMs = 1000;
const patienceMs = 30_000;
/** A wait that is shorter is nothing to speak of. */
const worthANoteMs = 5000;

/** For how long the loss of a server, a kubelet or a leader is felt, ms. */
export const serverFeltMs = 2000;
/** Steps that take a server, a kubelet or a leader away. Nobody's requests go to what a `swap-pod` replaces. */
const felt: ReadonlyMap<StepKind, number> = new Map<StepKind, number>([
  ['restart-apiserver', serverFeltMs],
  ['reboot-master', serverFeltMs],
  ['move-leader', serverFeltMs],
  ['swap-pod', 1000],
  ['refresh-node', serverFeltMs],
  ['refresh-windows-node', serverFeltMs],
]);

/**
 * A disturbance is felt a moment after it began: how long the next one's look at the API is put off, ms. Undefined for a
 * step that disturbs nobody.
 */
export function feltMs({ kind }: Pick<Step, 'kind'>): number | undefined {
  return felt.get(kind);
}

export interface Surroundings {
  /** Reads from the API through etcd; rejects when it is not answered. */
  readonly read: () => Promise<unknown>;
  readonly stop: StopRequest;
  readonly note: (text: string) => void;
  /** A clock, ms. */
  readonly now?: () => number;
}

/** The wait before a disturbance; `ownMs`: for how long that one is felt, so that the next one's look comes later. */
export type Calm = (ownMs: number) => Promise<void>;

/**
 * Makes the wait before a disturbance: until the API answers three reads in a row quickly, so that a cluster that is still
 * busy with the last disturbance is not given the next one. When two fifths of the time are over for which the last one is
 * felt, three prompt answers end the wait: such a cluster does not feel it. After 30 s it resolves all the same, with a note: a cluster may
 * be slow for reasons of its own, and each step has conditions of its own.
 * The wait may be asked for again, also beside itself: then one after another, so that two disturbances do not begin at once.
 * @throws StoppedError (the wait) when a stop was asked for
 */
export function calmness({ read, stop, note, now = () => performance.now() }: Surroundings): Calm {
  let fastest = Infinity;
  /** When the last disturbance began, and for how long it is felt. */
  let last = { begun: -Infinity, feltMs: 0 };
  let turn = Promise.resolve();
  const pause = (ms: number): Promise<void> =>
    sleep(ms, undefined, { signal: stop.signal }).catch(() => stop.check());
  const until = async (moment: number): Promise<void> => {
    if (moment > now()) await pause(moment - now());
  };
  const answer = async (): Promise<Answer> => {
    const begun = now();
    const failure = await read().then(
      () => undefined,
      (error: unknown) => (error instanceof Error ? error.message : String(error)),
    );
    const ms = now() - begun;
    if (failure !== undefined) return { quick: false, prompt: false, seen: failure };
    fastest = Math.min(fastest, ms);
    const quick = ms <= Math.max(quickMs, 3 * fastest);
    return { quick, prompt: ms <= promptMs, seen: `a read took ${Math.round(ms)} ms` };
  };
  const untilCalm = async (): Promise<void> => {
    const begun = now();
    for (;;) {
      const seen = (await firstNot('quick', answer))?.seen;
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
  const inTurn = async (ownMs: number): Promise<void> => {
    stop.check();
    await until(last.begun + last.feltMs * promptPart);
    if (await firstNot('prompt', answer)) {
      await until(last.begun + last.feltMs);
      await untilCalm();
    }
    last = { begun: now(), feltMs: ownMs };
  };
  return (ownMs) => {
    const own = turn.then(() => inTurn(ownMs));
    // Whose wait is stopped has told so itself.
    turn = own.catch(() => undefined);
    return own;
  };
}

interface Answer {
  readonly quick: boolean;
  readonly prompt: boolean;
  /** In words. */
  readonly seen: string;
}

/** The first of some reads that was not answered so, or undefined when all were. */
async function firstNot(how: 'quick' | 'prompt', answer: () => Promise<Answer>): Promise<Answer | undefined> {
  for (let read = 0; read < readsInARow; read++) {
    const seen = await answer();
    if (!seen[how]) return seen;
  }
  return undefined;
}
