/** A request to the Kubernetes API that got no answer, or another one than 2xx. */
export class KubeError extends Error {
  override readonly name = 'KubeError';
  readonly server: string;
  readonly method: string;
  readonly path: string;
  /** HTTP status; undefined when there was no answer. */
  readonly status: number | undefined;
  /**
   * The server's word for it (`NotFound`, `Conflict`, `Forbidden`, …), or without an answer `Unreachable` (never sent),
   * `Untrusted` (the server's certificate was refused; never sent), `Interrupted` (sent, no answer) or `Timeout`.
   */
  readonly reason: string;

  constructor(request: KubeRequest, failure: KubeFailure) {
    const { server, method, path } = request;
    const status = failure.status === undefined ? '' : `${failure.status} `;
    super(`Kubernetes API ${server}: ${method} ${path}: ${status}${failure.reason}: ${failure.text}`, {
      cause: failure.cause,
    });
    this.server = server;
    this.method = method;
    this.path = path;
    this.status = failure.status;
    this.reason = failure.reason;
  }
}

/** The API was too busy or away for a moment: whoever waits for something may ask again. */
export function isPassing(error: unknown): boolean {
  if (!(error instanceof KubeError)) return false;
  const { status, reason } = error;
  if (status === undefined) return ['Timeout', 'Interrupted', 'Unreachable'].includes(reason);
  return status === 429 || status >= 500;
}

export interface KubeRequest {
  readonly server: string;
  readonly method: string;
  readonly path: string;
}

interface KubeFailure {
  readonly status?: number;
  readonly reason: string;
  /** What was found, then what to do next where that is known. */
  readonly text: string;
  readonly cause?: unknown;
}

/** The error for an answer with another status than 2xx. */
export function statusError(request: KubeRequest, status: number, body: unknown, text: string): KubeError {
  const { reason, message } = statusOf(body);
  const said = message ?? (text.trim() === '' ? 'the answer is empty' : text.trim().slice(0, 500));
  const next = nextForStatus[status];
  return new KubeError(request, {
    status,
    reason: reason ?? reasonForStatus[status] ?? 'Failed',
    text: next === undefined ? said : `${said}; ${next}`,
  });
}

const reasonForStatus: Readonly<Record<number, string>> = {
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  409: 'Conflict',
  410: 'Expired',
  429: 'TooManyRequests',
  500: 'InternalError',
  503: 'ServiceUnavailable',
};

const nextForStatus: Readonly<Record<number, string>> = {
  401: 'the server does not accept this credential; check that it was signed by a CA it trusts and has not expired',
  403: 'the credential is accepted but may not do this; use one of a cluster administrator',
};

/** The fields of a Kubernetes `Status` object, when the body is one. */
function statusOf(body: unknown): { reason?: string; message?: string } {
  if (typeof body !== 'object' || body === null) return {};
  const reason =
    'reason' in body && typeof body.reason === 'string' && body.reason !== '' ? body.reason : undefined;
  const message = 'message' in body && typeof body.message === 'string' ? body.message : undefined;
  return { ...(reason === undefined ? {} : { reason }), ...(message === undefined ? {} : { message }) };
}
