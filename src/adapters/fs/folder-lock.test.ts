import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isDead, thisHolder } from '../../execute/holder.js';
import { FolderLock, LockedError } from './folder-lock.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'keyroll-lock-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const lock = (): string => join(folder, 'lock');
const dead = () => {
  const { pid } = spawnSync('true');
  return { ...thisHolder('rotate-certs'), pid, started: '1' };
};

describe('FolderLock', () => {
  it('is refused while a living run holds it, with who and since when', () => {
    const holder = thisHolder('rotate-certs');
    FolderLock.take(folder, holder);
    expect(() => FolderLock.take(folder, thisHolder('rollback'))).toThrow(LockedError);
    expect(() => FolderLock.take(folder, thisHolder('rollback'))).toThrow(
      `${holder.who} (process ${process.pid}, rotate-certs) since ${holder.since}`,
    );
    expect(readdirSync(folder)).toEqual(['lock']);
  });

  it('is free again after its release, and released once only by its holder', () => {
    const first = FolderLock.take(folder, thisHolder('a'));
    first.release();
    FolderLock.take(folder, thisHolder('b'));
    first.release();
    expect(() => FolderLock.take(folder, thisHolder('c'))).toThrow(LockedError);
  });

  it('is taken over from a process that is dead, at once', () => {
    expect(isDead(dead())).toBe(true);
    expect(isDead(thisHolder('x'))).toBe(false);
    FolderLock.take(folder, dead());
    FolderLock.take(folder, thisHolder('resume'));
    expect(readFileSync(lock(), 'utf8')).toContain('"resume"');
    expect(readdirSync(folder)).toEqual(['lock']);
  });

  it('is taken over from another machine, or from something unknown, without a sign of life for a minute', () => {
    FolderLock.take(folder, { ...dead(), host: 'another boot' });
    expect(() => FolderLock.take(folder, thisHolder('resume'))).toThrow(LockedError);
    const past = new Date(Date.now() - 61_000);
    utimesSync(lock(), past, past);
    FolderLock.take(folder, thisHolder('resume')).release();
    writeFileSync(lock(), 'nonsense');
    expect(() => FolderLock.take(folder, thisHolder('resume'))).toThrow('another run');
    utimesSync(lock(), past, past);
    const mine = FolderLock.take(folder, thisHolder('resume'));
    expect(() => mine.renew()).not.toThrow();
  });

  it('tells its holder that it was lost', () => {
    const mine = FolderLock.take(folder, thisHolder('a'));
    writeFileSync(lock(), JSON.stringify(thisHolder('b')));
    expect(() => mine.renew()).toThrow(LockedError);
  });
});
