import { createSecureServer, type Http2SecureServer, type ServerHttp2Session } from 'node:http2';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import type { Socket } from 'node:net';
import type { SecureContextOptions, TLSSocket } from 'node:tls';
import type { Listener, Machine } from '../contracts.js';
import { namedAuthorities } from '../tls/authorities.js';
import type { PeerSocket } from './peers.js';

export type ApiRequest = IncomingMessage | Http2ServerRequest;
export type ApiResponse = ServerResponse | Http2ServerResponse;

/** What a server shows in its handshake, and the CAs whose clients it says it accepts. PEM. */
export interface ServerIdentity {
  readonly cert: string;
  readonly key: string;
  readonly ca: readonly string[];
}

type Handler = (request: ApiRequest, response: ApiResponse) => void;

/**
 * HTTP/1.1 and HTTP/2 over TLS on one port, as Go's server has it: a client may show a certificate or none, and is refused
 * by request, not in the handshake. The chain that is shown is the file's. Sessions are never resumed, so each connection is verified anew.
 */
export class Serving {
  readonly #server: Http2SecureServer;
  readonly #sockets = new Set<Socket>();
  readonly #sessions = new Set<ServerHttp2Session>();
  /** HTTP/1.1 connections, with the number of requests that are under way on each. */
  readonly #http1 = new Map<Socket, number>();
  #listener: Listener | undefined;
  #active = 0;
  #closing = false;
  #whenIdle: () => void = () => undefined;

  /** @throws Error when the pair does not fit together */
  constructor(identity: ServerIdentity, handle: Handler) {
    this.#server = createSecureServer({
      ...contextOf(identity),
      allowHTTP1: true,
      requestCert: true,
      rejectUnauthorized: false,
    });
    // Go's server keeps an idle connection for ever; Node's would close it after five seconds.
    Object.assign(this.#server, { keepAliveTimeout: 0, headersTimeout: 0, requestTimeout: 0 });
    this.#server.on('session', (session) => this.#track(session));
    this.#server.on('secureConnection', (socket: TLSSocket) => this.#trackHttp1(socket));
    this.#server.on('tlsClientError', (_error: Error, socket: TLSSocket) => socket.destroy());
    this.#server.on('sessionError', (_error, session) => session.destroy());
    this.#server.on('clientError', (_error: Error, socket: Socket) => socket.destroy());
    this.#server.on('request', (request, response) => this.#count(request, response, handle));
  }

  /** @throws Error when the port is taken */
  async listen(machine: Machine, port: number): Promise<void> {
    const listener = await machine.listen(port, (socket) => this.#accept(socket));
    if (this.#closing) listener.close();
    this.#listener = listener;
  }

  /** From the next handshake on. @throws Error when the pair does not fit together; then nothing has changed */
  setIdentity(identity: ServerIdentity): void {
    this.#server.setSecureContext(contextOf(identity));
  }

  get isClosing(): boolean {
    return this.#closing;
  }

  /**
   * No new connection is taken, idle ones are closed, HTTP/2 says GOAWAY, and what is under way goes on.
   * Resolves when nothing is under way any more.
   */
  shutDown(): Promise<void> {
    this.#closing = true;
    this.#listener?.close();
    for (const session of this.#sessions) session.close();
    for (const [socket, active] of this.#http1) if (active === 0) socket.end();
    return new Promise((resolve) => {
      this.#whenIdle = resolve;
      if (this.#active === 0) resolve();
    });
  }

  /** At once, whatever is under way. Repeatable. */
  destroy(): void {
    this.#closing = true;
    this.#listener?.close();
    for (const socket of this.#sockets) socket.destroy();
    this.#sockets.clear();
  }

  #accept(socket: Socket): void {
    if (this.#closing) {
      socket.destroy();
      return;
    }
    socket.setNoDelay(true);
    this.#sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.once('close', () => this.#sockets.delete(socket));
    this.#server.emit('connection', socket);
  }

  #track(session: ServerHttp2Session): void {
    this.#sessions.add(session);
    session.once('close', () => this.#sessions.delete(session));
    if (this.#closing) session.close();
  }

  #trackHttp1(socket: TLSSocket): void {
    socket.on('error', () => socket.destroy());
    if (socket.alpnProtocol === 'h2') return;
    this.#http1.set(socket, 0);
    socket.once('close', () => this.#http1.delete(socket));
  }

  #count(request: ApiRequest, response: ApiResponse, handle: Handler): void {
    this.#active += 1;
    const { socket } = request;
    const http1 = request.httpVersionMajor === 1;
    if (http1) this.#http1.set(socket, (this.#http1.get(socket) ?? 0) + 1);
    response.once('close', () => {
      this.#active -= 1;
      if (http1) this.#ended(socket);
      if (this.#closing && this.#active === 0) this.#whenIdle();
    });
    handle(request, response);
  }

  #ended(socket: Socket): void {
    const active = this.#http1.get(socket);
    if (active === undefined) return;
    this.#http1.set(socket, active - 1);
    if (this.#closing && active === 1) socket.end();
  }
}

function contextOf({ cert, key, ca }: ServerIdentity): SecureContextOptions {
  return { cert, key, ca: namedAuthorities(ca.join('')), minVersion: 'TLSv1.2', secureOptions: noTickets };
}

/** SSL_OP_NO_TICKET. */
const noTickets = 0x4000;

/** The TLS side of the connection that a request came on. Undefined when it is gone already. */
export function tlsOf(request: ApiRequest): PeerSocket | undefined {
  if (!('stream' in request))
    return 'getPeerX509Certificate' in request.socket ? (request.socket as TLSSocket) : undefined;
  const { session } = request.stream;
  // HTTP/2 hands out a stand-in for its socket, which answers such questions too.
  return session === undefined || session.destroyed ? undefined : (session.socket as unknown as PeerSocket);
}

/** One object for each connection, fit as a key. */
export function connectionOf(request: ApiRequest): object | undefined {
  return 'stream' in request ? request.stream.session : request.socket;
}

/** The whole body. */
export async function bodyOf(request: ApiRequest): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString('utf8');
}

/** Answers, unless the client is gone. */
export function answer(
  response: ApiResponse,
  status: number,
  body: string | object,
  headers: Readonly<Record<string, string>> = {},
): void {
  if (response.destroyed || response.writableEnded) return;
  const isText = typeof body === 'string';
  const text = isText ? body : `${JSON.stringify(body)}\n`;
  response.writeHead(status, {
    'content-type': isText ? 'text/plain; charset=utf-8' : 'application/json',
    'content-length': String(Buffer.byteLength(text)),
    ...headers,
  });
  response.end(text);
}
