import type { Duplex } from 'node:stream';
import { type Connection, NotSent, Refused, type Session, Unanswered } from './connection.js';
import { SshConversation } from './conversation.js';
import { RemoteError, exitError, lostError, timeoutError } from './error.js';
import { forwardFrom } from './forward.js';
import { installScripts } from './install.js';
import type { Link } from './link.js';
import { quote } from './quote.js';
import type { ScriptPack } from './scripts.js';
import type { Conversation, NodeAddress, NodeShell, RunOptions, RunResult } from './types.js';

const defaultTimeoutMs = 60_000;
/** Runs another script when all of its input has come: to a script a cut connection looks like the input's end. */
const wholeInput = 'with-input';

/** A node's root shell over its SSH connection. The scripts are looked for once for each connection. */
export class SshShell implements NodeShell {
  readonly node: NodeAddress;
  readonly #link: Link;
  readonly #scripts: ScriptPack;
  readonly #connectTimeoutMs: number;
  readonly #installed = new WeakMap<Connection, Promise<void>>();

  constructor(node: NodeAddress, link: Link, scripts: ScriptPack, connectTimeoutMs: number) {
    this.node = node;
    this.#link = link;
    this.#scripts = scripts;
    this.#connectTimeoutMs = connectTimeoutMs;
  }

  /** The time counts from the moment sshd has accepted the command, not from the wait for a free channel. */
  async run(script: string, args: readonly string[] = [], options: RunOptions = {}): Promise<RunResult> {
    const input = Buffer.from(options.stdin ?? '');
    const { channel, collector, release } = await this.#start(script, args, input.length);
    collector.read();
    channel.end(input);
    const timeoutMs = options.timeoutMs ?? defaultTimeoutMs;
    const end = await collector.endWithin(timeoutMs);
    release();
    const { stderr } = collector;
    if (end === undefined) throw timeoutError(this.node.name, script, 'did not end', timeoutMs, stderr);
    if (end.code === undefined) throw lostError(this.node.name, script, stderr, end.reason);
    if (end.code !== 0 && options.allowFailure !== true)
      throw exitError(this.node.name, script, end.code, stderr);
    return collector.result(end.code);
  }

  async converse(script: string, args: readonly string[] = []): Promise<Conversation> {
    return new SshConversation(this.node.name, script, await this.#start(script, args));
  }

  async connect(host: string, port: number): Promise<Duplex> {
    const from = { label: `node ${this.node.name}`, name: this.node.name };
    return forwardFrom(from, this.#link, { host, port }, this.#connectTimeoutMs);
  }

  async #start(script: string, args: readonly string[], input = 0): Promise<Session> {
    if (!this.#scripts.files.has(`${script}.sh`))
      throw new Error(`${script}.sh is not among the scripts for nodes`);
    // The node's own shell puts KEYROLL_ROOT before the path, as the scripts do; it is empty on real nodes.
    const [name, words] = input === 0 ? [script, args] : [wholeInput, [String(input), script, ...args]];
    const file = quote([`${this.#scripts.folder}/${name}.sh`]);
    const command = [`sudo -n /bin/sh "\${KEYROLL_ROOT-}"${file}`, quote(words)].join(' ').trimEnd();
    try {
      return await this.#link.use(async (connection) => {
        await this.#install(connection);
        return connection.session(command);
      });
    } catch (error) {
      throw startError(error, this.node.name, script);
    }
  }

  #install(connection: Connection): Promise<void> {
    const known = this.#installed.get(connection);
    if (known) return known;
    const installing = installScripts(connection, this.node.name, this.#scripts);
    this.#installed.set(connection, installing);
    installing.catch(() => this.#installed.delete(connection));
    return installing;
  }
}

function startError(error: unknown, node: string, script: string): unknown {
  if (error instanceof Unanswered) return lostError(node, script, '', error);
  const details = { node, script, cause: error };
  if (error instanceof NotSent) {
    const what = `${script} was not started: ${error.message}; check the network, then run keyroll again`;
    return new RemoteError('unreachable', `node ${node}: ${what}`, details);
  }
  if (!(error instanceof Refused)) return error;
  const next =
    'its sshd must allow commands (no ForceCommand) and 10 sessions on one connection (MaxSessions)';
  return new RemoteError(
    'protocol',
    `node ${node}: ${script} was refused (${error.message}); ${next}`,
    details,
  );
}
