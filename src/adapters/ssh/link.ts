import { setTimeout as delay } from 'node:timers/promises';
import { type Connection, NotSent } from './connection.js';
import { RemoteError } from './error.js';

/** How often something that was not sent is tried on a new connection before it counts as failed. */
const attempts = 4;
const firstPauseMs = 500;
const longestPauseMs = 8_000;

/** The way to one host: a connection that is opened when it is first used, kept, and opened again after a loss. */
export class Link {
  readonly #open: () => Promise<Connection>;
  readonly #reconnectMs: number;
  readonly #closing = new AbortController();
  #current: Connection | undefined;
  #opening: Promise<Connection> | undefined;
  #connectedBefore = false;

  /** @param reconnectMs for how long a host that was reached before is tried again when it cannot be reached */
  constructor(open: () => Promise<Connection>, reconnectMs: number) {
    this.#open = open;
    this.#reconnectMs = reconnectMs;
  }

  /**
   * Runs an action on the connection; on a new one when the connection was lost before anything was sent.
   * @throws what opening throws, and what the action throws
   */
  async use<T>(action: (connection: Connection) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      const connection = await this.#connection();
      try {
        return await action(connection);
      } catch (error) {
        if (!(error instanceof NotSent) || attempt === attempts) throw error;
      }
    }
  }

  /** Closes the connection and opens no more. */
  async close(patienceMs: number): Promise<void> {
    this.#closing.abort(new Error('the SSH connections were closed'));
    await this.#current?.close(patienceMs);
  }

  async #connection(): Promise<Connection> {
    if (this.#current?.lost.aborted === false) return this.#current;
    this.#opening ??= this.#reopen().finally(() => (this.#opening = undefined));
    return this.#opening;
  }

  async #reopen(): Promise<Connection> {
    const deadline = Date.now() + this.#reconnectMs;
    for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(2 * pauseMs, longestPauseMs)) {
      this.#closing.signal.throwIfAborted();
      try {
        return await this.#opened();
      } catch (error) {
        // A host that never answered has a wrong address; one that did may be restarting. sshd penalizes haste.
        const again =
          this.#connectedBefore && error instanceof RemoteError && error.failure === 'unreachable';
        if (!again || Date.now() + pauseMs > deadline) throw error;
      }
      await delay(pauseMs, undefined, { signal: this.#closing.signal }).catch(() => {
        this.#closing.signal.throwIfAborted();
      });
    }
  }

  async #opened(): Promise<Connection> {
    const connection = await this.#open();
    if (this.#closing.signal.aborted) {
      await connection.close(0);
      this.#closing.signal.throwIfAborted();
    }
    this.#current = connection;
    this.#connectedBefore = true;
    return connection;
  }
}
