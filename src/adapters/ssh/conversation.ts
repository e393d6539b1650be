import type { ClientChannel } from 'ssh2';
import type { Collector, End } from './collect.js';
import type { Session } from './connection.js';
import { RemoteError, exitError, lostError, timeoutError } from './error.js';
import type { Conversation, RunResult } from './types.js';

/** How long `close` waits for the script's end. */
const closeTimeoutMs = 60_000;

interface Waiter {
  readonly resolve: (line: string) => void;
  readonly reject: (error: Error) => void;
}

/** A running script on one session channel, line by line. Lines that were received are not kept. */
export class SshConversation implements Conversation {
  readonly #node: string;
  readonly #script: string;
  readonly #channel: ClientChannel;
  readonly #collector: Collector;
  readonly #release: () => void;
  readonly #lines: string[] = [];
  readonly #waiters: Waiter[] = [];
  #partial: Buffer = Buffer.alloc(0);
  #end: End | undefined;

  constructor(node: string, script: string, session: Session) {
    this.#node = node;
    this.#script = script;
    this.#channel = session.channel;
    this.#release = session.release;
    this.#collector = session.collector;
    this.#collector.read((bytes) => this.#take(bytes));
    void this.#collector.ended.then((end) => this.#finish(end));
  }

  send(line: string): void {
    if (line.includes('\n')) throw new Error(`${this.#script}: a line to send holds a newline`);
    // Once the script has ended nobody reads; `receive` and `close` tell how it ended.
    if (this.#end === undefined) this.#channel.write(`${line}\n`);
  }

  receive(timeoutMs: number): Promise<string> {
    const line = this.#lines.shift();
    if (line !== undefined) return Promise.resolve(line);
    if (this.#end !== undefined) return Promise.reject(this.#endedError(this.#end));
    return this.#nextLine(timeoutMs);
  }

  /** `stdout` of the result holds the lines that were not received. Does not throw for another code than 0. */
  async close(): Promise<RunResult> {
    this.#channel.end();
    const end = await this.#collector.endWithin(closeTimeoutMs);
    this.#release();
    const stderr = this.#collector.stderr;
    if (end === undefined)
      throw timeoutError(this.#node, this.#script, 'did not end', closeTimeoutMs, stderr);
    if (end.code === undefined) throw lostError(this.#node, this.#script, stderr, end.reason);
    return { code: end.code, stdout: this.#lines.map((line) => `${line}\n`).join(''), stderr };
  }

  #nextLine(timeoutMs: number): Promise<string> {
    let timer: NodeJS.Timeout | undefined;
    const line = new Promise<string>((resolve, reject) => {
      const waiter: Waiter = { resolve, reject };
      this.#waiters.push(waiter);
      timer = setTimeout(() => {
        this.#waiters.splice(this.#waiters.indexOf(waiter), 1);
        reject(timeoutError(this.#node, this.#script, 'did not answer', timeoutMs, this.#collector.stderr));
      }, timeoutMs);
    });
    return line.finally(() => clearTimeout(timer));
  }

  #take(bytes: Buffer): void {
    let rest = Buffer.concat([this.#partial, bytes]);
    for (let at = rest.indexOf(10); at >= 0; at = rest.indexOf(10)) {
      this.#deliver(rest.toString('utf8', 0, at));
      rest = rest.subarray(at + 1);
    }
    this.#partial = rest;
  }

  #deliver(line: string): void {
    const waiter = this.#waiters.shift();
    if (waiter === undefined) this.#lines.push(line);
    else waiter.resolve(line);
  }

  #finish(end: End): void {
    this.#end = end;
    this.#release();
    if (this.#partial.length > 0) this.#deliver(this.#partial.toString('utf8'));
    for (const waiter of this.#waiters.splice(0)) waiter.reject(this.#endedError(end));
  }

  #endedError(end: End): RemoteError {
    const stderr = this.#collector.stderr;
    if (end.code === undefined) return lostError(this.#node, this.#script, stderr, end.reason);
    if (end.code !== 0) return exitError(this.#node, this.#script, end.code, stderr);
    const details = { node: this.#node, script: this.#script, code: 0, stderr };
    const message = `node ${this.#node}: ${this.#script} ended (exit 0) although another line was expected from it`;
    return new RemoteError('protocol', message, details);
  }
}
