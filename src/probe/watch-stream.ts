import { request as httpRequest, type IncomingMessage } from 'node:http';

import type { Deadlines } from './deadlines.js';
import { openConnection, type Endpoint, type Identity } from './endpoint.js';
import { describe } from './exchange.js';
import { optionsOf } from './http1.js';

/** An open watch. */
export interface WatchStream {
  /** Resolves when it ended, for whatever reason. */
  readonly ended: Promise<void>;
  abort(): void;
}

/** Why a watch could not be opened. */
export class WatchRefused extends Error {
  override readonly name = 'WatchRefused';

  constructor(
    message: string,
    readonly status?: number,
  ) {
    super(message);
  }
}

/** Calls `onLine` for each whole line; what a cut connection leaves behind is none. */
function readLines(incoming: IncomingMessage, onLine: (line: string) => void): void {
  let rest = '';
  incoming.setEncoding('utf8');
  incoming.on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line !== '') onLine(line);
  });
}

function refusal(incoming: IncomingMessage): Promise<WatchRefused> {
  return new Promise((resolve) => {
    let text = '';
    const done = () => {
      const status = incoming.statusCode ?? 0;
      resolve(new WatchRefused(`HTTP ${status}: ${text.trim().slice(0, 200)}`, status));
    };
    incoming.setEncoding('utf8');
    incoming.on('data', (part: string) => (text += part));
    incoming.on('end', done);
    incoming.on('error', done);
  });
}

/**
 * Opens a watch on a new HTTP/1.1 connection.
 * @throws WatchRefused when there is no 200 within `timeoutMs`
 */
export function openWatch(
  link: { endpoint: Endpoint; identity: Identity; deadlines: Deadlines; timeoutMs: number },
  path: string,
  onLine: (line: string) => void,
): Promise<WatchStream> {
  const { endpoint, identity } = link;
  const connect = () => openConnection(endpoint, identity, 'http/1.1');
  const options = optionsOf(
    { method: 'GET', path },
    { endpoint, identity, via: '', connect, untouched: () => false },
  );
  const outgoing = httpRequest(options);
  outgoing.end();
  return new Promise((resolve, reject) => {
    const deadline = link.deadlines.after(link.timeoutMs, () => {
      reject(new WatchRefused(`no answer in ${link.timeoutMs} ms`));
      outgoing.destroy();
    });
    const ended = new Promise<void>((end) => outgoing.on('close', end));
    outgoing.on('error', (error) => {
      deadline.cancel();
      reject(new WatchRefused(describe(error)));
    });
    outgoing.on('response', (incoming) => {
      deadline.cancel();
      if (incoming.statusCode !== 200) return void refusal(incoming).then(reject);
      // A cut in the middle is how a watch ends when its server does.
      incoming.on('error', () => outgoing.destroy());
      readLines(incoming, onLine);
      resolve({ ended, abort: () => void outgoing.destroy() });
    });
  });
}
