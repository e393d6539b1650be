/** What kind of trouble it is; each asks for something else from the operator. */
export type AzureFailure =
  | 'settings'
  | 'unreachable'
  | 'untrusted'
  | 'credential'
  | 'forbidden'
  | 'missing'
  | 'throttled'
  | 'server'
  | 'operation'
  | 'protocol';

interface AzureProblem {
  /** Where: an endpoint, a machine, a file's field. */
  readonly where: string;
  /** What was found, and what was expected. */
  readonly what: string;
  /** What to do. */
  readonly next: string;
  readonly cause?: unknown;
  /** HTTP status, when there was an answer. */
  readonly status?: number;
}

/** Azure's API, or the way to it, failed. The message says where, what and what to do next; it never holds a secret. */
export class AzureError extends Error {
  override readonly name = 'AzureError';
  readonly where: string;
  readonly what: string;
  readonly next: string;
  readonly status: number | undefined;
  constructor(
    readonly failure: AzureFailure,
    { where, what, next, cause, status }: AzureProblem,
  ) {
    super(`${where}: ${what}; ${next}`, { cause });
    this.where = where;
    this.what = what;
    this.next = next;
    this.status = status;
  }
}
