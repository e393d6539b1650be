import {
  connect,
  constants,
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type IncomingHttpHeaders,
  type IncomingHttpStatusHeader,
} from 'node:http2';
import { TLSSocket } from 'node:tls';

import { openConnection, type Endpoint, type Identity } from './endpoint.js';
import {
  describe,
  ExchangeError,
  type Answer,
  type Exchange,
  type ProbeRequest,
  type Transport,
} from './exchange.js';
import { Turns } from './turns.js';

/** One HTTP/2 connection, shared by all requests to its endpoint until it ends or is retired. */
class Http2Connection {
  /** No request may be sent on it any more; those under way may end. */
  retired = false;
  answers = 0;
  error: Error | undefined;
  readonly via: string;
  readonly session: ClientHttp2Session;

  constructor(
    private readonly endpoint: Endpoint,
    private readonly identity: Identity,
    number: number,
  ) {
    this.via = `${endpoint.dial}:${endpoint.port} h2 #${number}`;
    this.session = connect(`${endpoint.secure ? 'https' : 'http'}://${endpoint.authority}`, {
      createConnection: () => this.#open(),
    });
    this.session.on('goaway', () => (this.retired = true));
    this.session.on('error', (error: Error) => (this.error = error));
  }

  get usable(): boolean {
    return !this.retired && !this.session.closed && !this.session.destroyed;
  }

  /** @throws when the session has just ended, before anything was sent */
  start(request: ProbeRequest): ClientHttp2Stream {
    return this.session.request(
      {
        ':method': request.method,
        ':path': request.path,
        accept: 'application/json',
        ...this.identity.headers,
        ...request.headers,
      },
      { endStream: request.body === undefined },
    );
  }

  /** Ends it after the requests that are on it. */
  retire(): void {
    this.retired = true;
    if (!this.session.destroyed) this.session.close();
  }

  #open() {
    const socket = openConnection(this.endpoint, this.identity, 'h2');
    socket.setKeepAlive(true, 15_000);
    socket.once('secureConnect', () => {
      if (socket instanceof TLSSocket && socket.alpnProtocol === 'h2') return;
      socket.destroy(new Error(`${this.endpoint.authority} does not speak HTTP/2`));
    });
    return socket;
  }
}

/** What one stream has brought so far. */
class StreamState {
  status: number | undefined;
  error: Error | undefined;
  readonly chunks: Buffer[] = [];

  constructor(
    readonly stream: ClientHttp2Stream,
    private readonly connection: Http2Connection,
  ) {
    stream.on('response', (headers: IncomingHttpHeaders & IncomingHttpStatusHeader) => {
      this.status = headers[':status'];
    });
    stream.on('data', (chunk: Buffer) => this.chunks.push(chunk));
    stream.on('error', (error: Error) => (this.error = error));
  }

  /** After the stream closed: its whole answer. @throws ExchangeError */
  outcome(): Answer {
    const { status, stream } = this;
    if (status === undefined || stream.rstCode !== constants.NGHTTP2_NO_ERROR || this.error !== undefined) {
      throw new ExchangeError(this.#reason(), status === undefined && this.#unprocessed());
    }
    this.connection.answers += 1;
    return { status, body: Buffer.concat(this.chunks).toString('utf8') };
  }

  /** The server refused the stream, or the connection went away under it, and it had carried answers before. */
  #unprocessed(): boolean {
    if (this.connection.answers === 0) return false;
    if (this.stream.rstCode === constants.NGHTTP2_REFUSED_STREAM) return true;
    return this.connection.session.destroyed && !this.#resetByServer();
  }

  /** RST_STREAM for this stream alone: the server's answer, and a failure. */
  #resetByServer(): boolean {
    return this.error !== undefined && 'code' in this.error && this.error.code === 'ERR_HTTP2_STREAM_ERROR';
  }

  #reason(): string {
    // A stream that waited for its connection is told only that it was cancelled.
    const error = this.connection.error ?? this.error;
    if (error !== undefined) return describe(error);
    const part = this.status === undefined ? 'before an answer' : 'in the middle of the answer';
    return `the connection closed ${part} (HTTP/2 code ${this.stream.rstCode})`;
  }
}

/** One kept HTTP/2 connection to each endpoint, replaced when it ends, is told to go away, or times out. */
export class KeptHttp2Transport implements Transport {
  readonly #turns: Turns<Endpoint>;
  readonly #current = new Map<Endpoint, Http2Connection>();
  #opened = 0;

  constructor(
    endpoints: readonly Endpoint[],
    private identity: Identity,
  ) {
    this.#turns = new Turns(endpoints);
  }

  send(request: ProbeRequest): Exchange {
    return this.#sendTo(this.#turns.next(), request);
  }

  setIdentity(identity: Identity, reconnect: boolean): void {
    this.identity = identity;
    if (!reconnect) return;
    for (const connection of this.#current.values()) connection.retire();
  }

  close(): void {
    for (const connection of this.#current.values()) connection.session.destroy();
  }

  #sendTo(endpoint: Endpoint, request: ProbeRequest): Exchange {
    const { connection, stream } = this.#start(endpoint, request);
    const state = new StreamState(stream, connection);
    const answer = new Promise<Answer>((resolve, reject) => {
      // One turn later, so that the connection's own end is known as well.
      stream.on('close', () => setImmediate(() => this.#settle(state, connection, resolve, reject)));
    });
    if (request.body !== undefined) stream.end(request.body);
    const abort = () => {
      connection.retire();
      stream.close(constants.NGHTTP2_CANCEL);
    };
    // The connection that failed a request is retired by then, so this finds or opens its successor.
    return { via: connection.via, answer, abort, again: () => this.#sendTo(endpoint, request) };
  }

  #settle(
    state: StreamState,
    connection: Http2Connection,
    resolve: (answer: Answer) => void,
    reject: (error: unknown) => void,
  ): void {
    try {
      resolve(state.outcome());
    } catch (error) {
      if (error instanceof ExchangeError && error.untouched) connection.retire();
      reject(error);
    }
  }

  #start(endpoint: Endpoint, request: ProbeRequest) {
    const current = this.#current.get(endpoint);
    if (current?.usable === true) {
      try {
        return { connection: current, stream: current.start(request) };
      } catch {
        // It ended a moment ago and nothing was sent: a new one, as for any connection that is over.
        current.retire();
      }
    }
    const connection = new Http2Connection(endpoint, this.identity, (this.#opened += 1));
    this.#current.set(endpoint, connection);
    return { connection, stream: connection.start(request) };
  }
}
