/** What the stand-in answers. */
export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly body?: unknown;
}

export function json(body: unknown, status = 200): Answer {
  return { status, body };
}

/** An error as the Resource Manager says it. */
export function armError(status: number, code: string, message: string): Answer {
  return { status, body: { error: { code, message } } };
}

/** An error as a token endpoint says it. */
export function loginError(status: number, error: string, description: string): Answer {
  return { status, body: { error, error_description: description } };
}

/** A request as the stand-in's parts see it. */
export interface Question {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/** The request is one that this stand-in does not know: a client that relies on it is wrong, or the stand-in lacks it. */
export class UnknownRequest extends Error {
  override readonly name = 'UnknownRequest';
}
