import type { TLSSocket } from 'node:tls';
import type { Machine } from '../../contracts.js';
import { openTls } from '../../tls/client-side.js';

/** A kept connection was closed before any byte of the answer. */
export class Untouched extends Error {}

export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
  readonly reusable: boolean;
}

/** One TLS connection that carries one HTTP/1.1 request at a time. */
export class ProbeConnection {
  #answers = 0;
  #received = Buffer.alloc(0);
  #wake: () => void = () => undefined;
  #over: Error | undefined;

  private constructor(private readonly socket: TLSSocket) {
    socket.on('data', (bytes: Buffer) => {
      this.#received = Buffer.concat([this.#received, bytes]);
      this.#wake();
    });
    const over = (error: Error): void => {
      this.#over ??= error;
      this.#wake();
    };
    socket.on('error', over);
    socket.on('end', () => over(new Error('closed before the end of the answer')));
    socket.on('close', () => over(new Error('closed before the end of the answer')));
  }

  /** Trusts nothing but `ca` and checks name or address. @throws Error when there is no connection or no trust */
  static async open(machine: Machine, host: string, port: number, ca: string): Promise<ProbeConnection> {
    const tcp = await machine.dial(host, port);
    return new Promise((resolve, reject) => {
      const socket = openTls(tcp, { host, ca, protocols: ['http/1.1'] });
      socket.once('secureConnect', () => resolve(new ProbeConnection(socket)));
      socket.once('error', reject);
      socket.once('close', () => reject(new Error('closed in the handshake')));
    });
  }

  /** @throws Untouched when it was kept and nothing came, else Error */
  async exchange(request: string): Promise<HttpAnswer> {
    this.#received = Buffer.alloc(0);
    try {
      if (this.#over) throw this.#over;
      this.socket.write(request);
      const head = await this.#head();
      const body = /^transfer-encoding: *chunked$/im.test(head)
        ? await this.#chunks()
        : await this.#sized(head);
      this.#answers += 1;
      const status = Number(head.split(' ')[1]);
      return { status, body, reusable: !/^connection: *close$/im.test(head) };
    } catch (error) {
      if (this.#answers > 0 && this.#received.length === 0) throw new Untouched((error as Error).message);
      throw error;
    }
  }

  close(): void {
    this.socket.destroy();
  }

  async #head(): Promise<string> {
    const end = await this.#until(() => this.#received.indexOf('\r\n\r\n'));
    return this.#take(end + 4).toString('latin1');
  }

  async #sized(head: string): Promise<string> {
    const length = Number(/^content-length: *(\d+)$/im.exec(head)?.[1] ?? 0);
    await this.#until(() => (this.#received.length >= length ? 0 : -1));
    return this.#take(length).toString();
  }

  async #chunks(): Promise<string> {
    let whole = '';
    for (;;) {
      const end = await this.#until(() => this.#received.indexOf('\r\n'));
      const size = parseInt(this.#take(end + 2).toString('latin1'), 16);
      await this.#until(() => (this.#received.length >= size + 2 ? 0 : -1));
      const part = this.#take(size + 2).subarray(0, size);
      if (size === 0) return whole;
      whole += part.toString();
    }
  }

  #take(length: number): Buffer {
    const taken = this.#received.subarray(0, length);
    this.#received = this.#received.subarray(length);
    return taken;
  }

  /** Waits until `found` is not negative. */
  async #until(found: () => number): Promise<number> {
    for (;;) {
      const at = found();
      if (at >= 0) return at;
      if (this.#over) throw this.#over;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}
