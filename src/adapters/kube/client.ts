import { Pool } from 'undici';
import { type OpenStream, tlsConnector } from '../http/connector.js';
import { KubeError, statusError } from './error.js';
import { mayRepeat, noAnswerError } from './no-answer.js';
import { retried } from './retry.js';
import type { KubeAnswer, KubeClient, KubeObject } from './types.js';

export interface KubeClientOptions {
  /** `https://host:port` */
  readonly server: string;
  /** PEM; the only CAs that are trusted. */
  readonly ca: readonly string[];
  /** PEM of the client's certificate (a chain, the leaf first) and its key. */
  readonly certificate?: string | undefined;
  readonly key?: string | undefined;
  /** Bearer token. */
  readonly token?: string | undefined;
  /** Opens the stream TLS runs over, such as a connection through SSH; else TCP from here. */
  readonly connect?: OpenStream | undefined;
  /** Upper bound of one request with its tries. Default 30 000. */
  readonly timeoutMs?: number | undefined;
}

const connectionsAtOnce = 8;
const pageSize = 500;
/** How often a list is begun anew because its pages expired. */
const listAttempts = 3;

const patchTypes = {
  strategic: 'application/strategic-merge-patch+json',
  merge: 'application/merge-patch+json',
  json: 'application/json-patch+json',
} as const;

/**
 * A client of one API server address. Connections are made when they are needed, kept, and at most 8.
 *
 * Tries: at most three, with pauses of 0.2 and 0.8 s, all within `timeoutMs`. A request that was never sent (no
 * connection) is tried again whatever its method; one that was sent and got no answer only when it is a GET; one the
 * server did not carry out (429), or a GET answered 500, 503 or 504, again too (not by `request`).
 * A refused server certificate is never tried again.
 */
export function openKubeClient(options: KubeClientOptions): KubeClient {
  return new UndiciKubeClient(options);
}

class UndiciKubeClient implements KubeClient {
  readonly server: string;
  readonly #pool: Pool;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #timeoutMs: number;

  constructor({ server, ca, certificate, key, token, connect, timeoutMs = 30_000 }: KubeClientOptions) {
    this.server = server.replace(/\/+$/, '');
    this.#timeoutMs = timeoutMs;
    this.#headers = {
      accept: 'application/json',
      'user-agent': 'keyroll',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    };
    const identity = certificate === undefined || key === undefined ? {} : { cert: certificate, key };
    this.#pool = new Pool(this.server, {
      connections: connectionsAtOnce,
      connect: tlsConnector({ ca: [...ca], ...identity }, timeoutMs, connect),
    });
  }

  request(
    method: string,
    path: string,
    body?: unknown,
    contentType = 'application/json',
  ): Promise<KubeAnswer> {
    return this.#send(method, path, Date.now() + this.#timeoutMs, body, contentType);
  }

  get<T = KubeObject>(path: string): Promise<T> {
    return this.#object<T>('GET', path);
  }

  async list<T = KubeObject>(path: string): Promise<T[]> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#pages<T>(path);
      } catch (error) {
        const expired = error instanceof KubeError && error.status === 410;
        if (!expired || attempt === listAttempts) throw error;
      }
    }
  }

  create<T = KubeObject>(path: string, object: unknown): Promise<T> {
    return this.#object<T>('POST', path, object);
  }

  patch<T = KubeObject>(
    path: string,
    patch: unknown,
    type: keyof typeof patchTypes = 'strategic',
  ): Promise<T> {
    return this.#object<T>('PATCH', path, patch, patchTypes[type]);
  }

  replace<T = KubeObject>(path: string, object: unknown): Promise<T> {
    return this.#object<T>('PUT', path, object);
  }

  async delete(path: string): Promise<void> {
    const answer = await this.#answer('DELETE', path);
    if (!isSuccess(answer) && answer.status !== 404) throw this.#statusError('DELETE', path, answer);
  }

  /** Lets running requests end. Repeatable. */
  async close(): Promise<void> {
    if (!this.#pool.closed) await this.#pool.close();
  }

  async #pages<T>(path: string): Promise<T[]> {
    const items: T[] = [];
    let next = '';
    do {
      const page = `limit=${pageSize}${next === '' ? '' : `&continue=${encodeURIComponent(next)}`}`;
      const list = await this.get<{ items?: T[] | null; metadata?: { continue?: string } }>(
        `${path}${path.includes('?') ? '&' : '?'}${page}`,
      );
      items.push(...(list.items ?? []));
      next = list.metadata?.continue ?? '';
    } while (next !== '');
    return items;
  }

  async #object<T>(method: string, path: string, body?: unknown, contentType?: string): Promise<T> {
    const answer = await this.#answer(method, path, body, contentType);
    if (!isSuccess(answer)) throw this.#statusError(method, path, answer);
    return answer.body as T;
  }

  /** As `request`, with another try for answers that say "not now". */
  #answer(
    method: string,
    path: string,
    body?: unknown,
    contentType = 'application/json',
  ): Promise<KubeAnswer> {
    const deadline = Date.now() + this.#timeoutMs;
    return retried(
      deadline,
      () => this.#send(method, path, deadline, body, contentType),
      (outcome) => 'value' in outcome && saysNotNow(method, outcome.value.status),
    );
  }

  async #send(
    method: string,
    path: string,
    deadline: number,
    body: unknown,
    type: string,
  ): Promise<KubeAnswer> {
    const request = { server: this.server, method, path };
    const payload = body === undefined ? {} : { body: JSON.stringify(body) };
    const headers = body === undefined ? this.#headers : { ...this.#headers, 'content-type': type };
    const exchange = async (): Promise<KubeAnswer> => {
      const signal = AbortSignal.timeout(Math.max(1, deadline - Date.now()));
      const answer = await this.#pool.request({
        method: method,
        path,
        headers,
        signal,
        ...payload,
      });
      const text = await answer.body.text();
      return { status: answer.statusCode, text, body: parsed(text) };
    };
    try {
      return await retried(
        deadline,
        exchange,
        (outcome) => 'error' in outcome && mayRepeat(method, outcome.error),
      );
    } catch (error) {
      throw noAnswerError(request, error, this.#timeoutMs);
    }
  }

  #statusError(method: string, path: string, answer: KubeAnswer): KubeError {
    return statusError({ server: this.server, method, path }, answer.status, answer.body, answer.text);
  }
}

function isSuccess({ status }: KubeAnswer): boolean {
  return status >= 200 && status < 300;
}

function saysNotNow(method: string, status: number): boolean {
  return status === 429 || (method === 'GET' && [500, 503, 504].includes(status));
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    // Health checks and proxies answer in plain text.
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
