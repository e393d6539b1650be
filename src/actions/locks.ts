import { FolderLock } from '../adapters/fs/folder-lock.js';
import type { NodeShell } from '../adapters/ssh/types.js';
import { thisHolder, type Holder } from '../execute/holder.js';
import type { StopRequest } from '../execute/stop.js';
import { ClusterLock } from './cluster-lock.js';
import { messageOf } from './reach.js';
import type { Emit } from '../report/events.js';

const beatMs = 15_000;

/** What a run is given from outside: how it is stopped, what keeps other runs away, and whom it tells. */
export interface RunControl {
  readonly emit: Emit;
  readonly stop: StopRequest;
  readonly locks: Locks;
}

/**
 * What keeps a second run away: the lock on the operator's folder, then the one on the masters, and the sign of life
 * that both need. A run that loses one of them stops at the next safe place.
 */
export class Locks {
  readonly #holder: Holder;
  readonly #folder: FolderLock;
  readonly #stop: StopRequest;
  #cluster: ClusterLock | undefined;
  readonly #beat: NodeJS.Timeout;

  /** Takes the folder's lock. @throws LockedError with who holds it and since when */
  constructor(folder: string, command: string, stop: StopRequest) {
    this.#holder = thisHolder(command);
    this.#folder = FolderLock.take(folder, this.#holder);
    this.#stop = stop;
    this.#beat = setInterval(() => void this.#renew(), beatMs).unref();
  }

  /** Takes the masters' lock. @throws LockedError with who holds it and since when */
  async takeCluster(masters: ReadonlyMap<string, NodeShell>, note: (text: string) => void): Promise<void> {
    this.#cluster = await ClusterLock.take(masters, this.#holder, note);
  }

  /** Before each step. @throws LockedError when another run may have begun */
  async assure(): Promise<void> {
    await this.#cluster?.assure();
  }

  /** May be called again. */
  async release(): Promise<void> {
    clearInterval(this.#beat);
    const cluster = this.#cluster;
    // Only once: the ways to the masters may be closed by the second time.
    this.#cluster = undefined;
    await cluster?.release();
    this.#folder.release();
  }

  async #renew(): Promise<void> {
    try {
      this.#folder.renew();
      await this.#cluster?.renew();
    } catch (error) {
      this.#stop.request(messageOf(error));
    }
  }
}

/** Does something while the folder is locked; whatever it took of the masters' lock is released too. */
export async function withLocks<T>(
  folder: string,
  command: string,
  { emit, stop }: Pick<RunControl, 'emit' | 'stop'>,
  work: (control: RunControl) => Promise<T>,
): Promise<T> {
  const locks = new Locks(folder, command, stop);
  try {
    return await work({ emit, stop, locks });
  } finally {
    await locks.release();
  }
}
