import type { Machine, Running, Signal } from '../contracts.js';

/** A daemon while it runs, without the signals. */
export interface Daemon {
  /** Resolves when it is up; a rejection ends the program. */
  start(): Promise<void>;
  /** Ends orderly; resolves when nothing is left to be done. */
  shutDown(): Promise<void>;
  /** At once. Repeatable. */
  destroy(): void;
}

const signalNumbers: Readonly<Record<Signal, number>> = { HUP: 1, INT: 2, KILL: 9, TERM: 15 };

/**
 * Runs a daemon as Kubernetes' programs run: the first SIGTERM or SIGINT ends it orderly, within `graceMs` at the most, the
 * second one ends it at once with code 1, SIGKILL at once. SIGHUP ends it as it ends every program that does not heed it.
 */
export function runProgram(make: () => Daemon, machine: Machine, graceMs: number): Running {
  let daemon: Daemon | undefined;
  let timer: NodeJS.Timeout | undefined;
  let asked = false;
  let over = false;
  let resolveEnded: (code: number) => void = () => undefined;
  const ended = new Promise<number>((resolve) => (resolveEnded = resolve));
  const end = (code: number): void => {
    if (over) return;
    over = true;
    clearTimeout(timer);
    daemon?.destroy();
    resolveEnded(code);
  };
  const fail = (error: unknown): void => {
    if (!over) machine.log(`fatal: ${error instanceof Error ? error.message : String(error)}`);
    end(1);
  };
  const orderly = (): void => {
    if (asked || daemon === undefined) {
      end(1);
      return;
    }
    asked = true;
    timer = setTimeout(() => end(0), graceMs);
    daemon.shutDown().then(() => end(0), fail);
  };
  try {
    daemon = make();
    daemon.start().catch(fail);
  } catch (error) {
    fail(error);
  }
  return {
    ended,
    signal(name) {
      if (over) return;
      if (name === 'TERM' || name === 'INT') orderly();
      else end(128 + signalNumbers[name]);
    },
  };
}
