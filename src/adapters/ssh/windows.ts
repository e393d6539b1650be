import { type Connection, NotSent, Refused, Unanswered } from './connection.js';
import { RemoteError, describe, exitError, lostError, timeoutError } from './error.js';
import type { Link } from './link.js';
import type { NodeAddress, WindowsAction, WindowsShell, WindowsTalk } from './types.js';

const scriptName = 'rotate-agent.ps1';
const timeoutMs = 120_000;

/** @param folder name of the script's folder in the temporary folder; the same for one rotation, so that a later run removes what an earlier one left */
export function windowsShell(node: NodeAddress, link: Link, script: Buffer, folder: string): WindowsShell {
  return {
    node,
    async talk(work, note) {
      const talk = new Talk(node.name, link, script, folder);
      try {
        return await work(talk);
      } finally {
        await talk.cleanUp().catch((error: unknown) => {
          note(
            `node ${node.name}: ${folder} could not be removed from its temporary folder: ${describe(error)}`,
          );
        });
      }
    },
  };
}

class Talk implements WindowsTalk {
  readonly #node: string;
  readonly #link: Link;
  readonly #script: Buffer;
  readonly #folder: string;
  readonly #installed = new WeakSet<Connection>();
  /** As Windows writes it, without the last `\`. */
  #temporary: string | undefined;

  constructor(node: string, link: Link, script: Buffer, folder: string) {
    this.#node = node;
    this.#link = link;
    this.#script = script;
    this.#folder = folder;
  }

  async run(action: WindowsAction, settings: Readonly<Record<string, string>> = {}): Promise<unknown> {
    const stdout = await this.#use(action, async (connection) => {
      await this.#install(connection);
      const file = `${this.#temporary ?? ''}\\${this.#folder}\\${scriptName}`;
      const command = `powershell.exe -NoLogo -NoProfile -NonInteractive -OutputFormat Text -ExecutionPolicy Bypass -File "${file}" ${action}`;
      return this.#exec(connection, action, command, ascii(settings));
    });
    return answerOf(stdout, this.#node, action);
  }

  /** Removes script and folder; nothing to do when they were never put there. */
  async cleanUp(): Promise<void> {
    if (this.#temporary === undefined) return;
    await this.#use('clean up', (connection) =>
      connection.sftp(async (sftp) => {
        await missingIsFine(call((done) => sftp.unlink(this.#path(scriptName), done)));
        await missingIsFine(call((done) => sftp.rmdir(this.#path(), done)));
      }),
    );
  }

  async #install(connection: Connection): Promise<void> {
    if (this.#installed.has(connection)) return;
    const printed = await this.#exec(connection, 'find TEMP', 'cmd.exe /d /c echo %TEMP%', '');
    const temporary = printed.trim();
    if (!/^[A-Za-z]:\\[^"%\r\n]+$/.test(temporary))
      throw this.#error(
        'protocol',
        `%TEMP% is ${JSON.stringify(temporary.slice(0, 100))}; expected a folder on a drive`,
      );
    this.#temporary = temporary;
    await connection.sftp(async (sftp) => {
      // It may be there from a run that was cut off; the write tells whether it can be used.
      await call((done) => sftp.mkdir(this.#path(), done)).catch(() => undefined);
      await call((done) => sftp.writeFile(this.#path(scriptName), this.#script, done));
    });
    this.#installed.add(connection);
  }

  /** SFTP's way of writing a path on a drive: `/C:/Users/…`. */
  #path(name?: string): string {
    const folder = `/${(this.#temporary ?? '').replaceAll('\\', '/')}/${this.#folder}`;
    return name === undefined ? folder : `${folder}/${name}`;
  }

  async #exec(connection: Connection, what: string, command: string, stdin: string): Promise<string> {
    const { channel, collector, release } = await connection.session(command);
    collector.read();
    channel.end(stdin);
    const end = await collector.endWithin(timeoutMs);
    release();
    const { stderr, stdout } = collector;
    if (end === undefined) throw timeoutError(this.#node, what, 'did not end', timeoutMs, stderr);
    if (end.code === undefined) throw lostError(this.#node, what, stderr, end.reason);
    if (end.code !== 0) throw exitError(this.#node, what, end.code, stderr);
    return stdout;
  }

  async #use<T>(what: string, action: (connection: Connection) => Promise<T>): Promise<T> {
    try {
      return await this.#link.use(action);
    } catch (error) {
      if (error instanceof Unanswered) throw lostError(this.#node, what, '', error);
      if (error instanceof NotSent)
        throw this.#error('unreachable', `${what} was not started (${error.message})`);
      if (error instanceof Refused)
        throw this.#error(
          'protocol',
          `${what} was refused (${error.message}); its OpenSSH must allow commands and SFTP`,
        );
      if (error instanceof RemoteError || !isStatus(error)) throw error;
      throw this.#error(
        'protocol',
        `${what}: SFTP said ${describe(error)}; see the rights on its temporary folder`,
      );
    }
  }

  #error(failure: 'protocol' | 'unreachable', what: string): RemoteError {
    return new RemoteError(failure, `node ${this.#node}: ${what}`, { node: this.#node });
  }
}

/** A callback of SFTP as a promise. */
function call(start: (done: (error?: Error | null) => void) => unknown): Promise<void> {
  return new Promise((resolve, reject) => {
    start((error) => (error ? reject(error) : resolve()));
  });
}

/** SFTP's status 2: there is no such file. */
async function missingIsFine(removal: Promise<void>): Promise<void> {
  try {
    await removal;
  } catch (error) {
    if (!isStatus(error) || error.code !== 2) throw error;
  }
}

function isStatus(error: unknown): error is Error & { code: number } {
  return error instanceof Error && 'code' in error && typeof error.code === 'number';
}

/** Windows reads standard input in some code page: other letters than ASCII's are escaped, as JSON can. */
function ascii(settings: Readonly<Record<string, string>>): string {
  return JSON.stringify(settings).replace(
    /[\u0080-\uffff]/g,
    (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function answerOf(stdout: string, node: string, action: string): unknown {
  const line = stdout.trim().split(/\r?\n/).at(-1) ?? '';
  try {
    return JSON.parse(line) as unknown;
  } catch {
    const found = JSON.stringify(line.slice(0, 120));
    throw new RemoteError(
      'protocol',
      `node ${node}: ${action} answered ${found}; expected one line of JSON`,
      {
        node,
        script: action,
      },
    );
  }
}
