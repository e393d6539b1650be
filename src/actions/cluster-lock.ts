import { LockedError, staleSeconds } from '../adapters/fs/folder-lock.js';
import { RemoteError } from '../adapters/ssh/error.js';
import type { NodeShell } from '../adapters/ssh/types.js';
import { describe, isDead, parseHolder, type Holder } from '../execute/holder.js';
import { messageOf } from './reach.js';

type Shells = ReadonlyMap<string, NodeShell>;

/**
 * The lock on the masters. It is taken on one after another, always in the same order, so that of two runs the first
 * master decides; every master that can be reached must grant it, and more than half must be reached.
 */
export class ClusterLock {
  readonly #held: Shells;
  readonly #holder: Holder;
  #renewedAt = Date.now();

  private constructor(held: Shells, holder: Holder) {
    this.#held = held;
    this.#holder = holder;
  }

  /**
   * @param note told of masters that cannot be reached, and of dead holders whose lock was taken over
   * @throws LockedError with who holds it and since when; what had been taken is released
   */
  static async take(masters: Shells, holder: Holder, note: (text: string) => void): Promise<ClusterLock> {
    const held = new Map<string, NodeShell>();
    const lock = new ClusterLock(held, holder);
    try {
      for (const [name, shell] of masters) {
        if (await takeOn(name, shell, holder, note)) held.set(name, shell);
      }
      if (held.size * 2 <= masters.size)
        throw new LockedError(
          `the lock could be taken on ${held.size} of ${masters.size} masters, more than half are needed: another run might hold the others; make them reachable over SSH, then give the command again`,
        );
      return lock;
    } catch (error) {
      await lock.release();
      throw error;
    }
  }

  /** The sign of life, on every master. @throws LockedError when another run holds one of them */
  async renew(): Promise<void> {
    const answers = await Promise.all([...this.#held].map(([name, shell]) => this.#renewOn(name, shell)));
    if (answers.some(Boolean)) this.#renewedAt = Date.now();
  }

  /** Before something is begun: the lock is certainly still ours. @throws LockedError when it may not be */
  async assure(): Promise<void> {
    const patienceMs = (staleSeconds * 1000) / 2;
    if (Date.now() - this.#renewedAt > patienceMs) await this.renew();
    if (Date.now() - this.#renewedAt > patienceMs)
      throw new LockedError(
        `no master has taken this run's sign of life for ${staleSeconds / 2} s, so another run may have begun; see that the masters can be reached over SSH, then give the command again`,
      );
  }

  /** Whoever cannot be reached lets go of it by itself after a minute. May be called again. */
  async release(): Promise<void> {
    await Promise.allSettled(
      [...this.#held.values()].map((shell) => shell.run('lock', ['release', this.#holder.token], quick)),
    );
  }

  /** True: renewed; false: not reached. */
  async #renewOn(name: string, shell: NodeShell): Promise<boolean> {
    let answer: string;
    try {
      answer = (await shell.run('lock', ['renew', this.#holder.token], quick)).stdout.trim();
    } catch (error) {
      // A master that is away for a moment; `assure` counts how long no one was reached.
      if (error instanceof RemoteError) return false;
      throw error;
    }
    if (answer === 'renewed') return true;
    throw new LockedError(
      `node ${name}: the lock was lost to ${told(answer.slice('lost '.length))}; this run stops, the other goes on`,
    );
  }
}

const quick = { timeoutMs: 20_000 };

async function takeOn(
  name: string,
  shell: NodeShell,
  holder: Holder,
  note: (text: string) => void,
): Promise<boolean> {
  const ask = async (instead = ''): Promise<string> => {
    const args = ['take', holder.token, String(staleSeconds), instead];
    return (await shell.run('lock', args, { ...quick, stdin: `${JSON.stringify(holder)}\n` })).stdout.trim();
  };
  let answer: string;
  try {
    answer = await ask();
    const before = answer.startsWith('held ') ? parseHolder(restOf(answer)) : undefined;
    if (before && isDead(before)) answer = await ask(before.token);
  } catch (error) {
    if (!(error instanceof RemoteError)) throw error;
    note(`node ${name}: its lock could not be taken (${messageOf(error)})`);
    return false;
  }
  if (answer.startsWith('held '))
    throw new LockedError(
      `node ${name}: the cluster is being worked on by ${told(restOf(answer))}, last sign of life ${answer.split(' ')[1] ?? '?'} s ago; wait for its end, or, if it is dead, give the command again once that is ${staleSeconds} s ago`,
    );
  if (answer.startsWith('taken-over '))
    note(`node ${name}: took over the lock of a run that is dead: ${told(restOf(answer))}`);
  return true;
}

/** What follows `held AGE` or `taken-over AGE`. */
function restOf(answer: string): string {
  return answer.split(' ').slice(2).join(' ');
}

function told(line: string): string {
  const holder = parseHolder(line);
  return holder ? describe(holder) : line || 'somebody unknown';
}
