/** What kind of failure it was; each asks for something else from the operator. */
export type RemoteFailure =
  'exit' | 'timeout' | 'connection-lost' | 'unreachable' | 'authentication' | 'sudo' | 'protocol';

/** Everything known about a failure; `stderr` is whole, the message shows only its last line. */
interface RemoteErrorDetails {
  readonly node: string;
  readonly script?: string | undefined;
  readonly code?: number | undefined;
  readonly stderr?: string | undefined;
  readonly cause?: unknown;
}

/** A node, a script on it or the way to it failed. The message says where, what and what to do next. */
export class RemoteError extends Error {
  override readonly name = 'RemoteError';
  readonly failure: RemoteFailure;
  /** The node's name, or `jump host …` when the way to every node is broken. */
  readonly node: string;
  /** The script that was to run; undefined when there was no script. */
  readonly script: string | undefined;
  /** The script's exit code (128 + n for signal n); undefined when it is not known. */
  readonly code: number | undefined;
  /** Standard error of the script, whole. */
  readonly stderr: string;
  /** True when the script had been sent and its end was not seen: it may have run, or still run. */
  readonly connectionLost: boolean;

  constructor(failure: RemoteFailure, message: string, details: RemoteErrorDetails) {
    super(message, { cause: details.cause });
    this.failure = failure;
    this.node = details.node;
    this.script = details.script;
    this.code = details.code;
    this.stderr = details.stderr ?? '';
    this.connectionLost = failure === 'connection-lost';
  }
}

/** What should prove who we are cannot be used: a key file, its passphrase, an agent. Nothing was connected yet. */
export class LoginError extends Error {
  override readonly name = 'LoginError';
}

/** The error for a script that ended with another code than 0. */
export function exitError(node: string, script: string, code: number, stderr: string): RemoteError {
  const details = { node, script, code, stderr };
  const last = lastLine(stderr);
  if (asksForPassword(last)) {
    const next =
      'let this user run sudo without a password (NOPASSWD in /etc/sudoers.d), then run the command again';
    return new RemoteError(
      'sudo',
      `node ${node}: ${script} was not run: sudo refused it (${last}); ${next}`,
      details,
    );
  }
  const said = last === '' ? 'it wrote nothing to standard error' : last;
  return new RemoteError('exit', `node ${node}: ${script} failed (exit ${code}): ${said}`, details);
}

/** The error for a script that had been sent when its connection broke: nobody knows whether it ran to its end. */
export function lostError(node: string, script: string, stderr: string, cause: unknown): RemoteError {
  const what = `the connection broke while ${script} ran`;
  const next =
    'it may have run to its end or still be running there; look at the node, then run keyroll again';
  return new RemoteError('connection-lost', `node ${node}: ${what} (${describe(cause)}); ${next}`, {
    node,
    script,
    stderr,
    cause,
  });
}

/** The error for a script that did not end, or did not answer, in time. */
export function timeoutError(
  node: string,
  script: string,
  what: string,
  ms: number,
  stderr = '',
): RemoteError {
  const last = lastLine(stderr);
  const said = last === '' ? '' : ` (last line of standard error: ${last})`;
  return new RemoteError(
    'timeout',
    `node ${node}: ${script} ${what} within ${ms / 1000} s${said}; it may still be running there`,
    { node, script, stderr },
  );
}

/** One line about any thrown value, with the system's error code when there is one. */
export function describe(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  const code = 'code' in cause && typeof cause.code === 'string' ? cause.code : '';
  if (cause.message === '') return code === '' ? cause.name : code;
  return code === '' || cause.message.includes(code) ? cause.message : `${cause.message} (${code})`;
}

function lastLine(text: string): string {
  return text.trimEnd().split('\n').at(-1)?.trim() ?? '';
}

function asksForPassword(line: string): boolean {
  return (
    /^sudo: .*(password is required|terminal is required|no tty present|not allowed)/.test(line) ||
    /is not in the sudoers file|is not allowed to (run|execute)/.test(line)
  );
}
