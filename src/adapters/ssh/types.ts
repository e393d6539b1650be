import type { Duplex } from 'node:stream';

/** A machine that SSH reaches through the jump host: `address` is an IP or a name that the jump host resolves. */
export interface NodeAddress {
  readonly name: string;
  readonly address: string;
}

/** What a script on a node did. `stdout` and `stderr` are UTF-8, whole. */
export interface RunResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  /** Text for the script's standard input, without NUL, which a shell cannot keep; the place for everything secret. */
  readonly stdin?: string;
  /** Upper bound in ms; the channel is closed and `RemoteError` thrown when it passes. Default 60 000. */
  readonly timeoutMs?: number;
  /** Do not throw when the script ends with another code than 0. */
  readonly allowFailure?: boolean;
}

/** A running script to which lines are written and from which lines are read. */
export interface Conversation {
  /** Sends one line (the newline is added). */
  send(line: string): void;
  /** The next line of standard output. Throws `RemoteError` after `timeoutMs` or when the script ends first. */
  receive(timeoutMs: number): Promise<string>;
  /** Ends standard input and waits for the script's end. */
  close(): Promise<RunResult>;
}

/**
 * A node's root shell, by which keyroll does everything on it.
 * `script` is the name of a file in `src/node`, without `.sh`; the files are installed on the node before the first run.
 */
export interface NodeShell {
  readonly node: NodeAddress;
  /**
   * Runs a script as root with arguments that are quoted for POSIX sh.
   * @throws RemoteError when it cannot be run, ends with another code than 0 (unless `allowFailure`) or takes too long
   */
  run(script: string, args?: readonly string[], options?: RunOptions): Promise<RunResult>;
  /** Starts a script as root and talks to it line by line. */
  converse(script: string, args?: readonly string[]): Promise<Conversation>;
  /** A TCP connection from this node to `host:port`. */
  connect(host: string, port: number): Promise<Duplex>;
}

/** What the script on a Windows node can be asked for. */
export type WindowsAction = 'Inspect' | 'Begin' | 'Result' | 'End';

/** A conversation with one Windows node: its script lies in the temporary folder as long as it lasts. */
export interface WindowsTalk {
  /**
   * Runs an action; `settings` travel as JSON on standard input, the place for what is secret.
   * Resolves to the JSON that it answered with. @throws RemoteError
   */
  run(action: WindowsAction, settings?: Readonly<Record<string, string>>): Promise<unknown>;
}

/** A Windows node, reached as the model's administrator. */
export interface WindowsShell {
  readonly node: NodeAddress;
  /** Talks to the node, and takes the script away again however that ends. `note` is told what could not be removed. */
  talk<T>(work: (talk: WindowsTalk) => Promise<T>, note: (text: string) => void): Promise<T>;
}

/** All nodes behind one jump host, connections kept and reused (sshd penalizes many short ones). */
export interface Fleet {
  /** The same shell for the same node; connects (and reconnects after a loss) when it is first used. */
  shell(node: NodeAddress): NodeShell;
  /**
   * A Windows node. `folder` is what its script's folder in the temporary folder is called.
   * @throws Error when the administrator of Windows nodes is not known
   */
  windows(node: NodeAddress, folder: string): WindowsShell;
  /** A TCP connection from the jump host to `host:port`. */
  connect(host: string, port: number): Promise<Duplex>;
  /** Host keys that were unknown and are now recorded: host, type, `SHA256:…` fingerprint. */
  readonly recordedHostKeys: readonly { host: string; type: string; fingerprint: string }[];
  close(): Promise<void>;
}
