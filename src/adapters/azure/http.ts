import { setTimeout as sleep } from 'node:timers/promises';
import { HttpError, type HttpAnswer, type HttpClient, type HttpRequest } from '../http/client.js';
import { AzureError } from './error.js';

/** Requests with another try for what passes by itself. */
export interface Http {
  /**
   * Sends a request; again after a pause when there was no answer (only a GET, or one that was never sent), or for 429,
   * 500, 502, 503 and 504 (only a GET; 429 whatever the method, since nothing was done). Any other answer is returned.
   * @throws AzureError when the tries are used up without an answer
   */
  send(method: string, url: string, request?: HttpRequest): Promise<HttpAnswer>;
  readonly clock: Clock;
}

/** Time as the client sees it, so that tests need not wait. ms. */
export interface Clock {
  now(): number;
  pause(ms: number): Promise<void>;
}

export const realClock: Clock = { now: () => Date.now(), pause: (ms) => sleep(ms) };

/** Tries of one request, the first included. */
const tries = 6;
const firstPauseMs = 500;
const longestPauseMs = 30_000;
/** What Retry-After may ask for at most. */
const longestRetryAfterMs = 300_000;

export function retryingHttp(client: HttpClient, clock: Clock = realClock): Http {
  return {
    clock,
    async send(method, url, request) {
      for (let attempt = 1; ; attempt += 1) {
        const last = attempt === tries;
        const outcome = await once(client, method, url, request);
        if (outcome instanceof HttpError) {
          if (last || !mayRepeat(method, outcome)) throw noAnswer(outcome, url);
          await clock.pause(backoff(attempt));
        } else {
          if (last || !saysNotNow(method, outcome.status)) return outcome;
          await clock.pause(retryAfterMs(outcome, clock.now()) ?? backoff(attempt));
        }
      }
    },
  };
}

async function once(
  client: HttpClient,
  method: string,
  url: string,
  request: HttpRequest | undefined,
): Promise<HttpAnswer | HttpError> {
  try {
    return await client.request(method, url, request);
  } catch (error) {
    if (error instanceof HttpError) return error;
    throw error;
  }
}

function mayRepeat(method: string, { failure }: HttpError): boolean {
  return failure === 'unreachable' || (method === 'GET' && failure !== 'untrusted');
}

function saysNotNow(method: string, status: number): boolean {
  return status === 429 || (method === 'GET' && [500, 502, 503, 504].includes(status));
}

/** Doubles from half a second; spread by a quarter, so that several clients do not come back together. */
function backoff(attempt: number): number {
  const pause = Math.min(firstPauseMs * 2 ** (attempt - 1), longestPauseMs);
  return pause * (1 + Math.random() / 4);
}

/** What Retry-After asks for, seconds or a date, as ms from now; undefined when it says nothing usable. */
export function retryAfterMs({ headers }: HttpAnswer, now: number): number | undefined {
  const value = headers['retry-after'];
  if (value === undefined) return undefined;
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - now;
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), longestRetryAfterMs);
}

function noAnswer(error: HttpError, url: string): AzureError {
  const where = new URL(url).origin;
  if (error.failure === 'untrusted')
    return new AzureError('untrusted', {
      where,
      what: `its certificate is not trusted (${causeOf(error)})`,
      next: "name the file of the stack's CA in NODE_EXTRA_CA_CERTS or with --azure-ca-file",
      cause: error,
    });
  return new AzureError('unreachable', {
    where,
    what: `no answer after ${tries} tries (${causeOf(error)})`,
    next: 'check the address, the network and HTTPS_PROXY; without Azure go on with --skip-gate azure',
    cause: error,
  });
}

function causeOf({ cause }: HttpError): string {
  return cause instanceof Error ? cause.message : String(cause);
}

/** @throws AzureError for anything but 2xx from a place that needs no login */
export function answered({ status }: HttpAnswer, url: string, what: string): void {
  if (status >= 200 && status < 300) return;
  throw new AzureError('server', {
    where: `${new URL(url).origin}${new URL(url).pathname}`,
    what: `${what} answered with status ${status}; expected 200`,
    next: 'check the address, and that the stack is in service',
    status,
  });
}
