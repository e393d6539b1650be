import type { HttpAnswer } from '../http/client.js';
import { shown, statusError, type Arm } from './arm.js';
import { AzureError } from './error.js';
import { retryAfterMs } from './http.js';
import { checked, operationSchema, parsedJson } from './schemas.js';

/** When the answers name no pause. */
const defaultPauseMs = 10_000;

/**
 * Starts a long-running operation and waits for its end: 200 and 204 end at once; after 202 (or 201) the address in
 * Azure-AsyncOperation is asked until its status is final, else the one in Location until it answers otherwise than 202,
 * with the pauses that Retry-After asks for.
 * @throws AzureError when it is refused, fails, is cancelled or does not end in `timeoutMs`; it may then still run
 */
export async function runOperation(arm: Arm, method: string, url: string, timeoutMs: number): Promise<void> {
  const accepted = await arm.send(method, url);
  if ([200, 204].includes(accepted.status)) return;
  if (![201, 202].includes(accepted.status)) throw statusError(accepted, method, url);
  const { clock } = arm.http;
  const until = clock.now() + timeoutMs;
  let latest = accepted;
  for (const at = addressOf(accepted, method, url); ;) {
    await clock.pause(retryAfterMs(latest, clock.now()) ?? defaultPauseMs);
    latest = await arm.send('GET', at.url);
    if (at.async ? asyncEnded(latest, at.url, shown(method, url)) : locationEnded(latest, at.url)) return;
    if (clock.now() >= until) throw tooLong(shown(method, url), timeoutMs);
  }
}

function addressOf({ headers }: HttpAnswer, method: string, url: string): { url: string; async: boolean } {
  const operation = headers['azure-asyncoperation'];
  if (operation) return { url: operation, async: true };
  const { location } = headers;
  if (location) return { url: location, async: false };
  throw new AzureError('protocol', {
    where: shown(method, url),
    what: 'the operation was accepted without an address to follow it; expected Azure-AsyncOperation or Location',
    next: "see the operation's end in the portal, then run the same command again",
  });
}

function asyncEnded(answer: HttpAnswer, at: string, what: string): boolean {
  if (answer.status !== 200 && answer.status !== 202) throw statusError(answer, 'GET', at);
  const { status, error } = checked(operationSchema, parsedJson(answer.text), shown('GET', at));
  if (/^succeeded$/i.test(status)) return true;
  if (!/^(failed|cancell?ed)$/i.test(status)) return false;
  const said = [error?.code, error?.message].filter(Boolean).join(': ');
  throw new AzureError('operation', {
    where: what,
    what: `the operation ended as ${status}${said === '' ? '' : ` (${said})`}`,
    next: 'see the machine in the portal, mend it, then run the same command again',
  });
}

function locationEnded(answer: HttpAnswer, at: string): boolean {
  if (answer.status === 202) return false;
  if ([200, 204].includes(answer.status)) return true;
  throw statusError(answer, 'GET', at);
}

function tooLong(where: string, timeoutMs: number): AzureError {
  return new AzureError('operation', {
    where,
    what: `the operation has not ended after ${Math.round(timeoutMs / 1000)} s`,
    next: 'it may still run; see the machine in the portal, then run the same command again',
  });
}
