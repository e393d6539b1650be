import type { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { Client, ClientChannel, SFTPWrapper } from 'ssh2';
import { Collector } from './collect.js';
import { describe } from './error.js';
import { Slots } from './slots.js';

/** sshd's MaxSessions is 10; two places are left for what else uses the connection. */
const sessionsAtOnce = 8;
/** sshd counts a session that has ended for a moment longer: one that it refuses is asked for again. */
const refusedPauseMs = 100;
/** For how long, when no other session is running whose end would explain it. */
const refusedPatienceMs = 10_000;

/** The connection was gone before the request had been sent: it may be sent again on a new one. */
export class NotSent extends Error {
  override readonly name = 'NotSent';
}

/** The connection was lost when the command had been sent and no answer had come: it may have been started. */
export class Unanswered extends Error {
  override readonly name = 'Unanswered';
}

/** The other side refused a channel or a command, or did not answer in time; the connection itself is fine. */
export class Refused extends Error {
  override readonly name = 'Refused';
  constructor(
    message: string,
    /** The channel had been opened: what was refused is the command. */
    readonly opened: boolean,
    cause?: unknown,
  ) {
    super(message, { cause });
  }
}

/** A session channel with its command accepted. `release` gives its place back to the connection's queue. */
export interface Session {
  readonly channel: ClientChannel;
  readonly collector: Collector;
  readonly release: () => void;
}

/** One authenticated SSH connection: channels as promises, and one signal for its loss. */
export class Connection {
  readonly #client: Client;
  readonly #slots = new Slots(sessionsAtOnce);
  readonly #lost = new AbortController();
  readonly #closed: Promise<void>;
  #running = 0;

  /** @param client connected and authenticated */
  constructor(client: Client) {
    this.#client = client;
    // An error is followed by the end of the connection, but when the other side is dead only much later.
    client.on('error', (error) => this.#lose(error));
    this.#closed = new Promise((resolve) => {
      client.on('close', () => {
        this.#lose(new Error('the other side closed the connection'));
        resolve();
      });
    });
    client.on('end', () => this.#lose(new Error('the other side ended the connection')));
  }

  /** Aborted, with the reason, when the connection is lost or closed. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /**
   * Has sshd run a command; waits for one of the connection's places.
   * @throws NotSent when the connection was lost before the command was sent, Unanswered when after that
   * @throws Refused when sshd opens no channel or does not run the command
   */
  async session(command: string): Promise<Session> {
    const release = await this.#slots.take();
    try {
      const session = await this.#patientExec(command);
      this.#running += 1;
      void session.collector.ended.then(() => (this.#running -= 1));
      return { ...session, release };
    } catch (error) {
      release();
      throw error;
    }
  }

  /**
   * Has sshd serve files, in one of the connection's places, for as long as the work lasts.
   * @throws NotSent, Refused, and what the work throws; that also when the connection is lost meanwhile
   */
  async sftp<T>(work: (sftp: SFTPWrapper) => Promise<T>): Promise<T> {
    const release = await this.#slots.take();
    try {
      const sftp = await this.#whileConnected<SFTPWrapper>(
        () => false,
        (done) =>
          this.#client.sftp((error, wrapper) => {
            if (error) done(error);
            else done(undefined, wrapper);
          }),
      );
      const gone = aborted(this.lost).then(() => {
        throw this.#notSent();
      });
      try {
        return await Promise.race([work(sftp), gone]);
      } finally {
        sftp.end();
      }
    } finally {
      release();
    }
  }

  /** A TCP connection from the other side to `host:port`. @throws NotSent, Refused */
  async forward(host: string, port: number, timeoutMs: number): Promise<Duplex> {
    const opening = this.#whileConnected<Duplex>(
      () => false,
      (done) =>
        this.#client.forwardOut('127.0.0.1', 0, host, port, (error, channel) => {
          if (error) done(error);
          else done(undefined, channel);
        }),
    );
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => {
        reject(new Refused(`no answer within ${timeoutMs / 1000} s`, false));
        // A channel that opens after all is nobody's; why it does not open, nobody asks any more.
        opening.then(
          (channel) => channel.destroy(),
          () => undefined,
        );
      }, timeoutMs);
    });
    return Promise.race([opening, late]).finally(() => clearTimeout(timer));
  }

  /** Ends the connection; waits at most `patienceMs` for the other side, then cuts it. */
  async close(patienceMs: number): Promise<void> {
    this.#client.end();
    const timer = setTimeout(() => this.#client.destroy(), patienceMs);
    if (!this.lost.aborted) await Promise.race([this.#closed, aborted(this.lost)]);
    clearTimeout(timer);
    this.#client.destroy();
    this.#lose(new Error('the connection was closed'));
  }

  async #patientExec(command: string): Promise<Omit<Session, 'release'>> {
    for (let alone = 0; ;) {
      try {
        return await this.#exec(command);
      } catch (error) {
        if (!(error instanceof Refused) || error.opened || alone >= refusedPatienceMs) throw error;
      }
      await delay(refusedPauseMs);
      if (this.#running === 0) alone += refusedPauseMs;
    }
  }

  #exec(command: string): Promise<Omit<Session, 'release'>> {
    let sent = false;
    const options = {
      // ssh2 asks for the environment when the channel is open, right before it sends the command. It is the only
      // place that tells whether a command without an answer may have been started.
      get env(): NodeJS.ProcessEnv {
        sent = true;
        return {};
      },
    };
    return this.#whileConnected<Omit<Session, 'release'>>(
      () => sent,
      (done) =>
        this.#client.exec(command, options, (error, channel) => {
          // At once: a short command's exit code would be missed a moment later.
          if (error) done(error);
          else done(undefined, { channel, collector: new Collector(channel, this.lost) });
        }),
    );
  }

  /** Waits for what ssh2 calls back with, or for the connection's loss, whichever comes first. */
  #whileConnected<T>(
    wasSent: () => boolean,
    start: (done: (...outcome: [Error] | [undefined, T]) => void) => unknown,
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      const onLost = (): void =>
        reject(wasSent() ? new Unanswered(describe(this.lost.reason)) : this.#notSent());
      if (this.lost.aborted) {
        onLost();
        return;
      }
      this.lost.addEventListener('abort', onLost, { once: true });
      try {
        start((...[error, value]) => {
          this.lost.removeEventListener('abort', onLost);
          if (error === undefined) resolve(value);
          else reject(new Refused(describe(error), wasSent(), error));
        });
      } catch (error) {
        // ssh2 throws at once when its socket is not writable any more.
        reject(this.#notSent(error));
      }
    });
  }

  #notSent(reason: unknown = this.lost.reason): NotSent {
    return new NotSent(`the connection was lost (${describe(reason)})`, { cause: reason });
  }

  #lose(reason: Error): void {
    this.#lost.abort(reason);
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
