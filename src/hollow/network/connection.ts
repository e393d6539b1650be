import { setTimeout as sleep } from 'node:timers/promises';
import type { Socket } from 'node:net';

/** TCP's first retransmission after a lost segment, ms; each further one waits twice as long. */
const firstRetransmissionMs = 200;

/** What a machine's packet filter does with what the client sends. */
export type Verdict = 'accept' | 'drop' | 'reject';

/**
 * A client's socket and the server program's, coupled, with the machines between them. What arrives while a packet filter
 * drops is kept back and delivered when TCP would send it again; what arrives while one rejects is answered by a reset.
 */
export class CoupledConnection {
  readonly #client: Socket;
  readonly #server: Socket;
  readonly #onEnd: () => void;
  /** Of places on the way whose machine does not accept what the client sends. */
  readonly #verdicts = new Map<object, Verdict>();
  /** A machine between the two lost its power: nobody hears of the other. */
  #lost = false;
  #unheard = false;
  #kept: (Buffer | 'end')[] = [];
  #keptSince = 0;
  #delivery: NodeJS.Timeout | undefined;

  /** @param onEnd called once when both sides are gone */
  constructor(client: Socket, server: Socket, onEnd: () => void) {
    this.#client = client;
    this.#server = server;
    this.#onEnd = onEnd;
    this.#fromClient();
    this.#fromServer();
    // A client that went before anybody listened to it has told so already.
    if (client.readableEnded) this.#arrived('end');
  }

  /**
   * What the packet filter of one place on the way does from now on. A place is a packet as one machine sees it there: a
   * connection may go through a machine and end on the same one.
   */
  judge(place: object, verdict: Verdict): void {
    const before = this.#dropping();
    if (verdict === 'accept') this.#verdicts.delete(place);
    else this.#verdicts.set(place, verdict);
    if (before && !this.#dropping() && this.#kept.length > 0) this.#deliverLater();
  }

  #dropping(): boolean {
    return [...this.#verdicts.values()].includes('drop');
  }

  /** A machine that it goes through lost its power. */
  lose(): void {
    this.#lost = true;
  }

  /** That machine is back, and knows nothing of the connection: what the client sends (again) gets a reset. */
  find(): void {
    this.#lost = false;
    this.judge(this, 'reject');
    if (this.#unheard) this.#deliverLater();
  }

  /** Cuts both sides, as when the machine loses its power. */
  cut(): void {
    this.#client.destroy();
    this.#server.destroy();
  }

  #fromClient(): void {
    const [client, server] = [this.#client, this.#server];
    client.on('data', (bytes: Buffer) => this.#arrived(bytes));
    client.on('end', () => this.#arrived('end'));
    client.on('error', () => undefined);
    client.on('close', () => this.#closed(server));
    server.on('drain', () => client.resume());
  }

  #fromServer(): void {
    const [client, server] = [this.#client, this.#server];
    let reset = false;
    server.on('data', (bytes: Buffer) => {
      if (!this.#lost && !client.write(bytes)) server.pause();
    });
    client.on('drain', () => server.resume());
    server.on('end', () => {
      if (!this.#lost) client.end();
    });
    server.on('error', () => (reset = true));
    server.on('close', () => {
      if (this.#lost) return;
      // What was kept back meets a socket that is gone, and is answered with a reset.
      if ((reset || this.#kept.length > 0) && !client.destroyed) client.resetAndDestroy();
      this.#closed(client);
    });
  }

  #closed(other: Socket): void {
    clearTimeout(this.#delivery);
    if (!other.destroyed) other.destroySoon();
    if (this.#client.destroyed && this.#server.destroyed) this.#onEnd();
  }

  #arrived(what: Buffer | 'end'): void {
    if (this.#lost) {
      if (!this.#unheard) this.#keptSince = Date.now();
      this.#unheard = true;
    } else if (this.#dropping() || this.#kept.length > 0) {
      if (this.#kept.length === 0) this.#keptSince = Date.now();
      this.#kept.push(what);
    } else this.#deliver(what);
  }

  #deliver(what: Buffer | 'end'): void {
    if (this.#verdicts.size > 0) this.#reset();
    else if (what === 'end') this.#server.end();
    else if (!this.#server.write(what)) this.#client.pause();
  }

  #deliverLater(): void {
    let wait = firstRetransmissionMs;
    const passed = Date.now() - this.#keptSince;
    while (wait < passed) wait = 2 * wait + firstRetransmissionMs;
    clearTimeout(this.#delivery);
    this.#delivery = setTimeout(() => {
      // Dropped once more: the next retransmission comes after the next time that nothing drops.
      if (this.#dropping()) return;
      const kept = this.#kept;
      this.#kept = [];
      for (const what of kept) this.#deliver(what);
      if (this.#unheard) this.#reset();
    }, wait - passed);
  }

  #reset(): void {
    if (!this.#client.destroyed) this.#client.resetAndDestroy();
    if (!this.#server.destroyed) this.#server.destroy();
  }
}

/** When a client sends its SYN again, ms after the first. */
const synAgainMs = [0, 1_000, 3_000, 7_000, 15_000, 31_000];

/**
 * Asks for a way until it is not `dropped`, whenever TCP would send its SYN again.
 * @throws Error ETIMEDOUT when it never is
 */
export async function withSynRetries<T>(
  way: () => T | 'dropped',
  to: string,
  signal: AbortSignal,
): Promise<T> {
  const begun = Date.now();
  for (const after of synAgainMs) {
    const wait = begun + after - Date.now();
    if (wait > 0) await sleep(wait, undefined, { signal, ref: false });
    const found = way();
    if (found !== 'dropped') return found;
  }
  throw networkError('ETIMEDOUT', to);
}

/** As Node's own: `connect ECONNREFUSED 127.9.0.4:6443`. */
export function networkError(code: 'ECONNREFUSED' | 'EHOSTUNREACH' | 'ETIMEDOUT', to: string): Error {
  return Object.assign(new Error(`connect ${code} ${to}`), { code, syscall: 'connect' });
}
