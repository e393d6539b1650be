import { spawn } from 'node:child_process';
import { openSync, closeSync } from 'node:fs';

/** How a program of the host is run. */
export interface CommandOptions {
  /** Text for its stdin; without it stdin is empty. */
  input?: string;
  /** Variables besides those of this process. */
  env?: Record<string, string>;
  /** It is killed after this many milliseconds (default 120,000). */
  timeoutMs?: number;
}

export interface CommandResult {
  /** Exit code, or 128 when a signal ended it. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program without a shell and resolves to what it left, whatever its exit code; rejects if it cannot start. */
export async function attempt(argv: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
  const [program = '', ...args] = argv;
  const child = spawn(program, args, {
    env: { ...process.env, LC_ALL: 'C.UTF-8', ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
    timeout: options.timeoutMs ?? 120_000,
    killSignal: 'SIGKILL',
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  // A program that ends without reading its input is judged by its exit code, not by the broken pipe.
  child.stdin.on('error', () => undefined);
  child.stdin.end(options.input ?? '');
  return new Promise((resolve, reject) => {
    child.once('error', (error) => reject(new Error(`${program} cannot be run: ${error.message}`)));
    child.once('close', (code) => resolve({ code: code ?? 128, stdout, stderr }));
  });
}

/** Runs a program without a shell and resolves to its stdout; any exit code but 0 is an error with its last words. */
export async function run(argv: readonly string[], options: CommandOptions = {}): Promise<string> {
  const result = await attempt(argv, options);
  if (result.code === 0) return result.stdout;
  const words = (result.stderr.trim() || result.stdout.trim()).split('\n').slice(-15).join('\n');
  throw new Error(
    `${argv.join(' ')}: ended with ${result.code}, expected 0${words === '' ? '' : `:\n${words}`}`,
  );
}

/** Starts a program in a session of its own, appending its output to a file; it outlives this process. */
export function startDetached(argv: readonly string[], logFile: string): number {
  const [program = '', ...args] = argv;
  const log = openSync(logFile, 'a', 0o640);
  try {
    const child = spawn(program, args, { detached: true, stdio: ['ignore', log, log] });
    child.unref();
    if (child.pid === undefined) throw new Error(`${program} cannot be run`);
    return child.pid;
  } finally {
    closeSync(log);
  }
}

/** Runs a program on this terminal, passing on SIGINT and SIGTERM, and resolves to its exit code. */
export async function runInteractive(argv: readonly string[]): Promise<number> {
  const [program = '', ...args] = argv;
  const child = spawn(program, args, { stdio: 'inherit' });
  const pass = (signal: NodeJS.Signals): void => void child.kill(signal);
  process.on('SIGINT', pass).on('SIGTERM', pass);
  try {
    return await new Promise((resolve, reject) => {
      child.once('error', (error) => reject(new Error(`${program} cannot be run: ${error.message}`)));
      child.once('close', (code) => resolve(code ?? 128));
    });
  } finally {
    process.off('SIGINT', pass).off('SIGTERM', pass);
  }
}
