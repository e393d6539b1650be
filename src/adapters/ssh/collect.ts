import { constants } from 'node:os';
import type { ClientChannel } from 'ssh2';
import type { RunResult } from './types.js';

/** How a command ended: with its code, or without one, when nobody knows what became of it. */
export type End = { readonly code: number } | { readonly code: undefined; readonly reason: Error };

/** Gathers what a command writes until its channel ends. Make it as soon as the channel is there: ends come early. */
export class Collector {
  readonly #channel: ClientChannel;
  readonly #stdout: Buffer[] = [];
  readonly #stderr: Buffer[] = [];
  /** Fulfilled once, when the channel has closed and all output was read, or when the connection is lost. */
  readonly ended: Promise<End>;

  constructor(channel: ClientChannel, lost: AbortSignal) {
    this.#channel = channel;
    this.ended = new Promise((resolve) => {
      let code: number | undefined;
      const settle = (end: End): void => {
        lost.removeEventListener('abort', onLost);
        resolve(end);
      };
      // Even with a code: output may be missing.
      const onLost = (): void => settle({ code: undefined, reason: reasonOf(lost) });
      channel.on('exit', (status: number | null, signal?: string) => (code = exitCode(status, signal)));
      channel.on('error', (reason: Error) => settle({ code: undefined, reason }));
      channel.on('close', () => settle(code === undefined ? { code, reason: reasonOf(lost) } : { code }));
      if (lost.aborted) onLost();
      else lost.addEventListener('abort', onLost, { once: true });
    });
  }

  /** Begins to read; nothing ends without. @param onStdout takes the output instead of keeping it for `result` */
  read(onStdout?: (bytes: Buffer) => void): void {
    const keep = (bytes: Buffer): unknown => this.#stdout.push(bytes);
    this.#channel.on('data', onStdout ?? keep);
    this.#channel.stderr.on('data', (bytes: Buffer) => this.#stderr.push(bytes));
  }

  get stdout(): string {
    return Buffer.concat(this.#stdout).toString('utf8');
  }

  get stderr(): string {
    return Buffer.concat(this.#stderr).toString('utf8');
  }

  result(code: number): RunResult {
    return { code, stdout: this.stdout, stderr: this.stderr };
  }

  /** The end, or undefined when it did not come in time; then the channel is closed and no end will come. */
  async endWithin(timeoutMs: number): Promise<End | undefined> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<undefined>((resolve) => {
      timer = setTimeout(() => {
        this.#channel.close();
        resolve(undefined);
      }, timeoutMs);
    });
    return Promise.race([this.ended, late]).finally(() => clearTimeout(timer));
  }
}

/** As a shell shows it: 128 + n for a process that signal n ended. @param signal with or without its `SIG` */
function exitCode(status: number | null, signal = ''): number {
  if (status !== null) return status;
  const numbers: Readonly<Record<string, number>> = constants.signals;
  return 128 + (numbers[signal.startsWith('SIG') ? signal : `SIG${signal}`] ?? 0);
}

function reasonOf(lost: AbortSignal): Error {
  const reason: unknown = lost.reason;
  return reason instanceof Error ? reason : new Error('sshd closed the channel without an exit code');
}
