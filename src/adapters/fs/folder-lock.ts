import {
  closeSync,
  fsyncSync,
  linkSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, isDead, parseHolder, type Holder } from '../../execute/holder.js';

/** A holder without a sign of life for this long counts as dead. The sign of life comes every 15 s. */
export const staleSeconds = 60;

/** Somebody else works on the same thing; nothing was changed. */
export class LockedError extends Error {
  override readonly name = 'LockedError';
}

/**
 * Keeps two runs from one folder (the journal, the keys). A lock whose process is dead, or that gave no sign of life for
 * a minute, is taken over.
 */
export class FolderLock {
  readonly #path: string;
  readonly #holder: Holder;

  private constructor(path: string, holder: Holder) {
    this.#path = path;
    this.#holder = holder;
  }

  /** @throws LockedError with who holds it and since when */
  static take(folder: string, holder: Holder): FolderLock {
    // Not the folders above: where the API model is gone, nothing is left behind.
    if (!existsSync(folder)) mkdirSync(folder, { mode: 0o700 });
    const path = join(folder, 'lock');
    const own = `${path}.${holder.token}`;
    writeSynced(own, JSON.stringify(holder));
    try {
      if (!link(own, path)) {
        moveAway(path, holder);
        if (!link(own, path)) throw held(path);
      }
      return new FolderLock(path, holder);
    } finally {
      rmSync(own, { force: true });
    }
  }

  /** The sign of life. @throws LockedError when another run has taken it */
  renew(): void {
    if (read(this.#path)?.token !== this.#holder.token) throw held(this.#path);
    const now = new Date();
    utimesSync(this.#path, now, now);
  }

  /** May be called again. */
  release(): void {
    if (read(this.#path)?.token === this.#holder.token) rmSync(this.#path, { force: true });
  }
}

/** Takes a dead holder's lock out of the way. @throws LockedError when it is not dead, or another one took it first */
function moveAway(path: string, holder: Holder): void {
  const found = read(path);
  const dead = found !== undefined && isDead(found);
  if (!dead && ageSeconds(path) < staleSeconds) throw held(path);
  const aside = `${path}.dead-${holder.token}`;
  renameSync(path, aside);
  // Between the look and the rename another run may have taken it over: then it gets it back.
  if (read(aside)?.token !== found?.token) {
    link(aside, path);
    rmSync(aside, { force: true });
    throw held(path);
  }
  rmSync(aside, { force: true });
}

function link(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function read(path: string): Holder | undefined {
  try {
    return parseHolder(readFileSync(path, 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function ageSeconds(path: string): number {
  return (Date.now() - statSync(path).mtimeMs) / 1000;
}

function held(path: string): LockedError {
  const holder = read(path);
  return new LockedError(
    `${path}: this folder is in use by ${holder ? describe(holder) : 'another run'}; wait for its end, or end it and give the command again (a lock without a sign of life for ${staleSeconds} s is taken over)`,
  );
}

function writeSynced(path: string, text: string): void {
  const file = openSync(path, 'w', 0o600);
  try {
    writeFileSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
