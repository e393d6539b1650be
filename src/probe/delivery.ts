import type { Deadlines } from './deadlines.js';
import {
  describe,
  ExchangeError,
  type Answer,
  type Exchange,
  type ProbeRequest,
  type Transport,
} from './exchange.js';

/** How a request ended. `sentAt` and `endedAt` are `performance.now()`, `at` is the wall clock at the first sending. */
export interface Delivery {
  readonly answer?: Answer;
  readonly error?: string;
  readonly resent: boolean;
  readonly via: string;
  readonly at: Date;
  readonly sentAt: number;
  readonly endedAt: number;
}

/** What the API server says in the body of an error. */
function reasonIn(answer: Answer): string {
  const message = /"message":\s*"((?:[^"\\]|\\.)*)"/.exec(answer.body)?.[1];
  return (message ?? answer.body).trim().slice(0, 200);
}

/** Sends on, once more if a kept connection closed untouched. */
async function answerOf(
  transport: Transport,
  request: ProbeRequest,
  watchOver: (exchange: Exchange) => Promise<Answer>,
): Promise<Answer> {
  const exchange = transport.send(request);
  try {
    return await watchOver(exchange);
  } catch (error) {
    if (!(error instanceof ExchangeError && error.untouched)) throw error;
    return await watchOver(exchange.again());
  }
}

/**
 * Sends one request and waits for its whole answer, at most `timeoutMs` from the first sending. Never throws.
 * Everything but a 2xx is an error, without retry; only a kept connection that closed before any byte of the answer
 * is replaced once.
 */
export async function deliver(
  transport: Transport,
  request: ProbeRequest,
  deadlines: Deadlines,
  timeoutMs: number,
): Promise<Delivery> {
  const at = new Date();
  const sentAt = performance.now();
  const sent: Exchange[] = [];
  const expiry = deadlines.expiry(timeoutMs);
  const watchOver = (exchange: Exchange) => {
    sent.push(exchange);
    return Promise.race([exchange.answer, expiry.promise]);
  };
  const ended = () => ({
    resent: sent.length > 1,
    via: sent.at(-1)?.via ?? '',
    at,
    sentAt,
    endedAt: performance.now(),
  });
  try {
    const answer = await answerOf(transport, request, watchOver);
    if (answer.status >= 200 && answer.status < 300) return { answer, ...ended() };
    return { answer, error: `HTTP ${answer.status}: ${reasonIn(answer)}`, ...ended() };
  } catch (error) {
    // What failed by itself has ended; a stream that its server reset leaves its connection to others.
    if (error instanceof ExchangeError) return { error: describe(error), ...ended() };
    const stage = sent.at(-1)?.stage?.();
    const outcome = { error: describe(error) + (stage === undefined ? '' : ` (${stage})`), ...ended() };
    sent.at(-1)?.abort(new Error('given up'));
    return outcome;
  } finally {
    expiry.cancel();
  }
}
