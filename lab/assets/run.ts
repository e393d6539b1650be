import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

/** How a program is run. */
export interface RunOptions {
  cwd?: string;
  /** Variables besides those of this process. */
  env?: Record<string, string>;
  /** Called with each line of stdout and stderr as it comes. */
  onLine?: (line: string) => void;
  /**
   * Runs it in a process and a mount namespace of its own, at a lower priority: when this process dies, however it
   * dies, everything that the program started dies too and what it mounted is gone. Needs root.
   */
  contained?: boolean;
}

/** A program that could not be started or ended with a code other than 0. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  constructor(
    readonly command: string,
    readonly code: number | string,
    readonly stderr: string,
  ) {
    const tail = stderr.trimEnd().split('\n').slice(-15).join('\n');
    super(`${command}: ended with ${code}, expected 0${tail === '' ? '' : `; its last words:\n${tail}`}`);
  }
}

const container = [
  ...['setpriv', '--pdeathsig', 'KILL'],
  ...['unshare', '--mount', '--pid', '--fork', '--kill-child=KILL', '--mount-proc'],
  ...['nice', '-n', '5'],
];

/**
 * Runs a program without a shell and resolves to its stdout (UTF-8).
 * @throws CommandError with the whole stderr
 */
export async function run(
  program: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<string> {
  const [first = program, ...rest] =
    options.contained === true ? [...container, program, ...args] : [program, ...args];
  const child = spawn(first, rest, {
    cwd: options.cwd,
    env: { ...process.env, LC_ALL: 'C.UTF-8', ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const out: string[] = [];
  const err: string[] = [];
  const read = [lines(child.stdout, out, options.onLine), lines(child.stderr, err, options.onLine)];
  const code = await new Promise<number | string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', (status, signal) => resolve(status ?? signal ?? 'no status'));
  });
  await Promise.all(read);
  if (code !== 0) throw new CommandError([program, ...args].join(' '), code, err.join('\n'));
  return out.join('\n');
}

async function lines(stream: Readable, into: string[], onLine?: (line: string) => void): Promise<void> {
  for await (const line of createInterface({ input: stream })) {
    into.push(line);
    onLine?.(line);
  }
}
