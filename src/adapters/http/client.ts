import { Agent } from 'undici';
import { ConnectFailed, type OpenStream, tlsConnector } from './connector.js';

export interface HttpAnswer {
  readonly status: number;
  /** Names in lower case; of a repeated header the values joined by `, `. */
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
}

export interface HttpRequest {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** HTTPS to any host, each connection strictly verified. Redirects are not followed. Safe to call concurrently. */
export interface HttpClient {
  /** One try. @throws HttpError when there is no answer */
  request(method: string, url: string, request?: HttpRequest): Promise<HttpAnswer>;
  /** Lets running requests end. */
  close(): Promise<void>;
}

export interface HttpClientOptions {
  /** PEM of the only CAs to trust; without it those that Node trusts. */
  readonly ca?: readonly string[] | undefined;
  readonly connect?: OpenStream | undefined;
  /** Upper bound of one request. Default 30 000. */
  readonly timeoutMs?: number | undefined;
}

/** `unreachable` and `untrusted`: nothing was sent. `interrupted` and `timeout`: it may have been carried out. */
export type HttpFailure = 'unreachable' | 'untrusted' | 'interrupted' | 'timeout';

/** A request that got no answer. The message has no headers, no body and no query. */
export class HttpError extends Error {
  override readonly name = 'HttpError';
  constructor(
    readonly failure: HttpFailure,
    method: string,
    url: string,
    cause: Error,
  ) {
    const { origin, pathname } = new URL(url);
    super(`${method} ${origin}${pathname}: ${cause.message}`, { cause });
  }
}

export function openHttpClient(options: HttpClientOptions = {}): HttpClient {
  const timeoutMs = options.timeoutMs ?? 30_000;
  const tls = options.ca === undefined ? {} : { ca: [...options.ca] };
  const agent = new Agent({ connections: 8, connect: tlsConnector(tls, timeoutMs, options.connect) });
  return {
    async request(method, url, { headers = {}, body } = {}) {
      if (!url.startsWith('https://')) throw new Error(`${new URL(url).origin}: expected https`);
      try {
        const { origin, pathname, search } = new URL(url);
        const answer = await agent.request({
          origin,
          path: `${pathname}${search}`,
          method: method,
          headers: { 'user-agent': 'keyroll', accept: 'application/json', ...headers },
          signal: AbortSignal.timeout(timeoutMs),
          ...(body === undefined ? {} : { body }),
        });
        return { status: answer.statusCode, headers: flat(answer.headers), text: await answer.body.text() };
      } catch (error) {
        throw failed(error, method, url, timeoutMs);
      }
    },
    close: () => agent.close(),
  };
}

function flat(headers: Readonly<Record<string, string | string[] | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name.toLowerCase(),
      Array.isArray(value) ? value.join(', ') : (value ?? ''),
    ]),
  );
}

function failed(error: unknown, method: string, url: string, timeoutMs: number): HttpError {
  const cause = error instanceof Error ? error : new Error(String(error));
  if (cause.name === 'TimeoutError')
    return new HttpError('timeout', method, url, new Error(`no answer within ${timeoutMs / 1000} s`));
  if (!(cause instanceof ConnectFailed)) return new HttpError('interrupted', method, url, cause);
  return new HttpError(cause.untrusted ? 'untrusted' : 'unreachable', method, url, cause.cause);
}
