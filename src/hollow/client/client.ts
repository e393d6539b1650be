import { readFileSync } from 'node:fs';
import type { ClientHttp2Stream } from 'node:http2';
import type { Machine, Timings } from '../contracts.js';
import type { KubeList, KubeObject } from '../kube/objects.js';
import type { ClientConfig } from './config.js';
import { Connection } from './connection.js';

/** An answer other than 2xx. */
export class StatusError extends Error {
  override readonly name = 'StatusError';
  constructor(
    readonly status: number,
    readonly reason: string,
    message: string,
  ) {
    super(message);
  }
}

export interface Answer {
  readonly status: number;
  readonly text: string;
}

export type WatchEventType = 'ADDED' | 'MODIFIED' | 'DELETED';

export interface WatchHandlers<T> {
  readonly onEvent: (type: WatchEventType, object: T) => void;
  /** At most once; without an error the server ended the stream. */
  readonly onEnd: (error?: Error) => void;
}

const patchTypes = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
} as const;

const timeoutMs = 30_000;

/** The Kubernetes client of all stand-ins. Nothing is tried again: controllers come back by themselves. */
export class Client {
  readonly #connection: Connection;
  #token: { readonly text: string; readonly readAt: number } | undefined;

  constructor(
    private readonly machine: Machine,
    private readonly config: ClientConfig,
    private readonly timings: Pick<Timings, 'clientReloadMs' | 'fileReloadMs'>,
  ) {
    this.#connection = new Connection(machine, config, timings);
  }

  get<T extends KubeObject>(path: string): Promise<T> {
    return this.#object<T>('GET', path);
  }

  list<T extends KubeObject>(path: string): Promise<KubeList<T>> {
    return this.#object<KubeList<T>>('GET', path);
  }

  create<T extends KubeObject>(path: string, object: object): Promise<T> {
    return this.#object<T>('POST', path, object);
  }

  update<T extends KubeObject>(path: string, object: object): Promise<T> {
    return this.#object<T>('PUT', path, object);
  }

  patch<T extends KubeObject>(path: string, patch: object, type: keyof typeof patchTypes): Promise<T> {
    return this.#object<T>('PATCH', path, patch, patchTypes[type]);
  }

  /** What is not there counts as deleted. */
  async delete(path: string, options?: object): Promise<void> {
    try {
      await this.#object('DELETE', path, options);
    } catch (error) {
      if (!isStatus(error, 404)) throw error;
    }
  }

  /** The answer as it is, whatever its status. @throws Error when there is none */
  async request(
    method: string,
    path: string,
    body?: object,
    contentType = 'application/json',
  ): Promise<Answer> {
    const payload = body === undefined ? undefined : JSON.stringify(body);
    const stream = await this.#open(
      method,
      path,
      payload === undefined ? {} : { 'content-type': contentType },
      payload === undefined,
    );
    stream.setTimeout(timeoutMs, () => {
      stream.destroy(new Error(`${method} ${path}: no answer within ${timeoutMs / 1000} s`));
      this.#connection.reset();
    });
    if (payload !== undefined) stream.end(payload);
    return read(stream, `${method} ${path}`);
  }

  /** Follows the changes below `path` (which may have a query) after a version. */
  watch<T extends KubeObject>(
    path: string,
    after: string,
    { onEvent, onEnd }: WatchHandlers<T>,
  ): { stop(): void } {
    let stream: ClientHttp2Stream | undefined;
    let over = false;
    const end = (error?: Error): void => {
      if (over) return;
      over = true;
      stream?.destroy();
      onEnd(error);
    };
    const query = `${path}${path.includes('?') ? '&' : '?'}watch=1&resourceVersion=${after}`;
    this.#open('GET', query, {}).then(
      (opened) => {
        stream = opened;
        if (over) opened.destroy();
        else readEvents<T>(opened, onEvent, end);
      },
      (error: unknown) => end(error as Error),
    );
    return {
      stop: () => {
        over = true;
        stream?.destroy();
      },
    };
  }

  /** The next request makes a new connection, with the pair that lies in the files then. */
  reconnect(): void {
    this.#connection.reset();
  }

  close(): void {
    this.#connection.close();
  }

  async #object<T>(method: string, path: string, body?: object, type?: string): Promise<T> {
    const { status, text } = await this.request(method, path, body, type);
    if (status >= 200 && status < 300) return JSON.parse(text) as T;
    throw statusError(status, text, `${method} ${path}`);
  }

  async #open(
    method: string,
    path: string,
    headers: Readonly<Record<string, string>>,
    endStream = true,
  ): Promise<ClientHttp2Stream> {
    const session = await this.#connection.session();
    const token = this.#bearer();
    const all = {
      ':method': method,
      ':path': path,
      accept: 'application/json',
      ...headers,
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    };
    return session.request(all, { endStream });
  }

  /** A token in a file is read again after a while, as client-go does after a minute. */
  #bearer(): string | undefined {
    const { token, tokenFile } = this.config;
    if (tokenFile === undefined) return token;
    const now = Date.now();
    if (this.#token === undefined || now - this.#token.readAt >= this.timings.fileReloadMs)
      this.#token = { text: readFileSync(this.machine.path(tokenFile), 'utf8').trim(), readAt: now };
    return this.#token.text;
  }
}

export function isStatus(error: unknown, ...statuses: readonly number[]): boolean {
  return error instanceof StatusError && statuses.includes(error.status);
}

function statusError(status: number, text: string, what: string): StatusError {
  try {
    const { reason = '', message = '' } = JSON.parse(text) as { reason?: string; message?: string };
    return new StatusError(status, reason, `${what}: ${status} ${message}`);
  } catch {
    // Not every answer is JSON; then its text says what is wrong.
    return new StatusError(status, '', `${what}: ${status} ${text.trim().slice(0, 200)}`);
  }
}

function read(stream: ClientHttp2Stream, what: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    let status = 0;
    const parts: Buffer[] = [];
    stream.on('response', (headers) => (status = headers[':status'] ?? 0));
    stream.on('data', (part: Buffer) => parts.push(part));
    stream.once('end', () => {
      if (status > 0) resolve({ status, text: Buffer.concat(parts).toString('utf8') });
    });
    stream.once('error', reject);
    stream.once('close', () => reject(new Error(`${what}: the connection broke before the answer`)));
  });
}

function readEvents<T>(
  stream: ClientHttp2Stream,
  onEvent: WatchHandlers<T>['onEvent'],
  end: (error?: Error) => void,
): void {
  let status = 0;
  let rest = '';
  stream.setEncoding('utf8');
  stream.on('response', (headers) => (status = headers[':status'] ?? 0));
  stream.on('data', (part: string) => {
    const lines = (rest + part).split('\n');
    rest = lines.pop() ?? '';
    if (status !== 200) return;
    for (const line of lines) {
      const event = JSON.parse(line) as { type: string; object: T & { code?: number; message?: string } };
      if (event.type === 'ERROR') {
        end(new StatusError(event.object.code ?? 0, 'Expired', event.object.message ?? ''));
        return;
      }
      onEvent(event.type as WatchEventType, event.object);
    }
  });
  stream.once('error', (error: Error) => end(error));
  stream.once('close', () => end(status === 200 ? undefined : statusError(status, rest, 'watch')));
}
