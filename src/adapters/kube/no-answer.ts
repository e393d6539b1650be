import { HostKeyError } from '../ssh/known-hosts.js';
import { ConnectFailed } from '../http/connector.js';
import { KubeError, type KubeRequest } from './error.js';

/** Whether a request without an answer may be sent again: it was never sent, or it changes nothing. */
export function mayRepeat(method: string, error: unknown): boolean {
  if (isTimeout(error)) return false;
  if (error instanceof ConnectFailed) return !error.untrusted && !(error.cause instanceof HostKeyError);
  return method === 'GET';
}

function isTimeout(error: unknown): boolean {
  return error instanceof Error && error.name === 'TimeoutError';
}

/** What to throw for a request without an answer. */
export function noAnswerError(request: KubeRequest, error: unknown, timeoutMs: number): Error {
  const cause = error instanceof Error ? error : new Error(String(error));
  if (isTimeout(cause)) {
    const text = `no answer within ${timeoutMs / 1000} s${writeHint(request)}`;
    return new KubeError(request, { reason: 'Timeout', text, cause });
  }
  if (!(cause instanceof ConnectFailed)) {
    const text = `the connection broke before the answer (${cause.message})${writeHint(request)}`;
    return new KubeError(request, { reason: 'Interrupted', text, cause });
  }
  // Whoever refuses the way's host key must stop everything; that is no trouble of this API server.
  if (cause.cause instanceof HostKeyError) return cause.cause;
  if (cause.untrusted) {
    const text = `its certificate is not trusted (${cause.message}); check that the CA given for it signed it`;
    return new KubeError(request, { reason: 'Untrusted', text, cause: cause.cause });
  }
  const text = `it cannot be reached (${cause.message}); check that it runs and that this address is right`;
  return new KubeError(request, { reason: 'Unreachable', text, cause: cause.cause });
}

function writeHint({ method }: KubeRequest): string {
  return method === 'GET' ? '' : '; it may have been carried out, so look before it is repeated';
}
