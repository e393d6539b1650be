import { request as httpRequest, type Agent, type ClientRequest, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';

import type { Endpoint, Identity } from './endpoint.js';
import { describe, ExchangeError, type Answer, type Exchange, type ProbeRequest } from './exchange.js';

/** How one HTTP/1.1 exchange gets its connection: a new one, or an agent that keeps one. */
export interface Http1Link {
  readonly endpoint: Endpoint;
  readonly identity: Identity;
  readonly via: string;
  readonly agent?: Agent;
  readonly connect?: () => Socket;
  /** Asked when the connection closed: was it a kept one, without any byte of this answer? */
  readonly untouched: () => boolean;
}

/** The connection is `keep-alive` exactly when the link has an agent. */
export function optionsOf(request: ProbeRequest, link: Http1Link) {
  return {
    method: request.method,
    path: request.path,
    host: link.endpoint.host,
    port: link.endpoint.port,
    setHost: false,
    headers: {
      host: link.endpoint.authority,
      accept: 'application/json',
      ...link.identity.headers,
      ...request.headers,
      ...(request.body === undefined ? {} : { 'content-length': String(Buffer.byteLength(request.body)) }),
    },
    ...(link.agent === undefined ? {} : { agent: link.agent }),
    ...(link.connect === undefined ? {} : { createConnection: link.connect }),
  };
}

function readAnswer(incoming: IncomingMessage, done: (answer: Answer) => void, fail: (error: Error) => void) {
  const chunks: Buffer[] = [];
  incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
  incoming.on('error', fail);
  incoming.on('end', () => {
    if (!incoming.complete) fail(new Error('the answer was cut short'));
    else done({ status: incoming.statusCode ?? 0, body: Buffer.concat(chunks).toString('utf8') });
  });
}

/** What Node and the kernel say when the other end closed; anything else is an error of its own. */
const CLOSED = new Set<unknown>(['ECONNRESET', 'EPIPE', 'ECONNABORTED']);
const wasClosed = (error: Error) => 'code' in error && CLOSED.has(error.code);

/** Follows a request on a connection of its own. A kept one is past the first two stages, and says nothing of them. */
function stageOf(outgoing: ClientRequest): () => string {
  let stage = 'not connected';
  outgoing.once('socket', (socket) => {
    if (!socket.connecting) {
      stage = 'sent on a kept connection';
      return;
    }
    socket.once('connect', () => (stage = 'encrypted' in socket ? 'connected, TLS not agreed' : 'sent'));
    socket.once('secureConnect', () => (stage = 'sent'));
  });
  outgoing.once('response', () => (stage = 'answer begun'));
  return () => stage;
}

/** Sends one request over HTTP/1.1; the answer counts only when all of it has come. */
export function exchangeHttp1(request: ProbeRequest, link: Http1Link, again: () => Exchange): Exchange {
  const outgoing = httpRequest(optionsOf(request, link));
  const answer = new Promise<Answer>((resolve, reject) => {
    const fail = (error: Error) =>
      reject(new ExchangeError(describe(error), wasClosed(error) && link.untouched()));
    outgoing.on('error', fail);
    outgoing.on('response', (incoming) => readAnswer(incoming, resolve, fail));
    // The last word, after an error of the answer itself, which comes later than this event.
    outgoing.on('close', () => setImmediate(fail, new Error('the connection closed without an answer')));
  });
  outgoing.end(request.body);
  const abort = (reason: Error) => void outgoing.destroy(reason);
  return { via: link.via, stage: stageOf(outgoing), answer, abort, again };
}
