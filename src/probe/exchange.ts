import type { Identity } from './endpoint.js';

/** One request, the same for every transport. */
export interface ProbeRequest {
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface Answer {
  readonly status: number;
  /** UTF-8, whole. */
  readonly body: string;
}

/** Why no whole answer came. */
export class ExchangeError extends Error {
  override readonly name = 'ExchangeError';

  constructor(
    message: string,
    /** A kept connection was closed before any byte of this answer: the one case in which a client sends again. */
    readonly untouched: boolean,
  ) {
    super(message);
  }
}

/** A request under way. */
export interface Exchange {
  readonly via: string;
  /** Rejects with `ExchangeError`. */
  readonly answer: Promise<Answer>;
  /** How far it has come, in words; undefined where it goes on a connection that others share. */
  readonly stage?: () => string;
  /** Gives up; `answer` rejects soon. A kept connection is not used again. */
  abort(reason: Error): void;
  /** The same request once more, to the same address, on another connection. */
  again(): Exchange;
}

/** Carries requests to the targets of one class. */
export interface Transport {
  /** Never throws. */
  send(request: ProbeRequest): Exchange;
  /** Connections kept from now on are made with this identity; with `reconnect` no present one is used again. */
  setIdentity(identity: Identity, reconnect: boolean): void;
  close(): void;
}

/** An error with its code, since OpenSSL's and the kernel's codes say more than the text. */
export function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  const inner = error instanceof AggregateError ? error.errors.map(describe).join('; ') : '';
  const text = error.message === '' ? inner : error.message;
  return code === '' || text.includes(code) ? text : `${code}: ${text}`;
}
