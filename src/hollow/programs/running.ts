import type { Machine, Running, Signal } from '../contracts.js';

/** What a program does while it runs. */
export interface Work {
  /** Resolves when it is done by itself. @throws whatever makes the program fail */
  run(): Promise<void>;
  /** Ends at once, connections included. May be called again. */
  stop(): void;
}

/** A program that ends at its first signal: with 0 after SIGTERM, as programs that stop in order do. */
export function running(machine: Machine, work: () => Work): Running {
  let end: (code: number) => void = () => undefined;
  const ended = new Promise<number>((resolve) => (end = resolve));
  let started: Work | undefined;
  const fail = (error: unknown): void => {
    machine.log(error instanceof Error ? error.message : String(error));
    started?.stop();
    end(1);
  };
  try {
    started = work();
    started.run().then(() => end(0), fail);
  } catch (error) {
    fail(error);
  }
  return {
    ended,
    signal: (name: Signal) => {
      started?.stop();
      end(name === 'KILL' ? 137 : 0);
    },
  };
}

/** Flags of a Go program, `--name=value` or `--name value`. @throws Error naming the first that is not known */
export function goFlags(
  program: string,
  args: readonly string[],
  known: readonly string[],
): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (let at = 0; at < args.length; at += 1) {
    const [name = '', ...value] = (args[at] ?? '').split('=');
    if (!known.includes(name)) throw new Error(`${program}: unknown flag: ${args[at] ?? ''}`);
    found.set(name, value.length > 0 ? value.join('=') : (args[(at += 1)] ?? ''));
  }
  return found;
}
