import { readFileSync } from 'node:fs';
import { connect as connectHttp2, type ClientHttp2Session } from 'node:http2';
import type { TLSSocket } from 'node:tls';
import type { Machine, Timings } from '../contracts.js';
import { openTls } from '../tls/client-side.js';
import type { ClientConfig } from './config.js';

/** How long a connection may take to be made, ms. client-go's dialer: 30 s. */
const connectMs = 30_000;

interface Pair {
  readonly cert: string;
  readonly key: string;
}

/**
 * One HTTP/2 connection as client-go keeps it: made when it is needed, shared by all requests, made anew after the server
 * said goodbye. A client certificate that lies in files is looked at again now and then; when it has changed, the
 * connection is closed, with what runs on it.
 */
export class Connection {
  #session: ClientHttp2Session | undefined;
  #making: Promise<ClientHttp2Session> | undefined;
  #pair: Pair | undefined;
  readonly #lookAgain: NodeJS.Timeout;
  #closed = false;

  constructor(
    private readonly machine: Machine,
    private readonly config: ClientConfig,
    timings: Pick<Timings, 'clientReloadMs'>,
  ) {
    this.#lookAgain = setInterval(() => this.#closeWhenChanged(), timings.clientReloadMs);
    this.#lookAgain.unref();
  }

  /** The live connection, or a new one. @throws Error when none can be made, or the server's certificate is refused */
  async session(): Promise<ClientHttp2Session> {
    if (this.#closed) throw new Error('the client is closed');
    const live = this.#session;
    if (live && !live.closed && !live.destroyed) return live;
    this.#making ??= this.#make().finally(() => (this.#making = undefined));
    return this.#making;
  }

  /** Ends the connection with what runs on it; the next request makes another one. Repeatable. */
  reset(): void {
    this.#session?.destroy();
    this.#session = undefined;
  }

  /** For good. Repeatable. */
  close(): void {
    this.#closed = true;
    clearInterval(this.#lookAgain);
    this.reset();
  }

  async #make(): Promise<ClientHttp2Session> {
    const { server } = this.config;
    const socket = await this.#tls(new URL(server));
    if (this.#closed) {
      socket.destroy();
      throw new Error('the client is closed');
    }
    const session = connectHttp2(server, { createConnection: () => socket });
    session.on('error', (error: Error) => this.machine.log(`client of ${server}: ${error.message}`));
    this.#session = session;
    return session;
  }

  async #tls({ hostname, port }: URL): Promise<TLSSocket> {
    const tcp = await this.machine.dial(hostname, port === '' ? 443 : Number(port));
    this.#pair = this.#readPair();
    const tls = openTls(tcp, {
      host: hostname,
      ca: this.config.ca,
      ...this.#pair,
      protocols: ['h2'],
    });
    tls.setNoDelay(true);
    tcp.once('close', () => tls.destroy());
    await handshake(tls);
    return tls;
  }

  #readPair(): Pair | undefined {
    const { pair, fixedPair } = this.config;
    if (pair === undefined) return fixedPair;
    const read = (file: string): string => readFileSync(this.machine.path(file), 'utf8');
    return { cert: read(pair.certFile), key: read(pair.keyFile) };
  }

  #closeWhenChanged(): void {
    if (this.config.pair === undefined || this.#session === undefined) return;
    try {
      if (this.#readPair()?.cert === this.#pair?.cert) return;
    } catch (error) {
      // Half of a pair, or a file that is being renamed: the next look finds it whole.
      this.machine.log(`client certificate: ${(error as Error).message}`);
      return;
    }
    this.machine.log('the client certificate has changed: closing the connection');
    this.reset();
  }
}

function handshake(tls: TLSSocket): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => {
      clearTimeout(timer);
      tls.destroy();
      reject(error);
    };
    const ended = (): void => fail(new Error('the server closed the connection during the TLS handshake'));
    const timer = setTimeout(() => fail(new Error(`no TLS connection within ${connectMs} ms`)), connectMs);
    tls.on('error', fail);
    tls.once('close', ended);
    tls.once('secureConnect', () => {
      clearTimeout(timer);
      tls.off('error', fail).off('close', ended);
      // Without a listener a reset connection would end the process; HTTP/2 tells it to its own listeners as well.
      tls.on('error', () => tls.destroy());
      resolve();
    });
  });
}
