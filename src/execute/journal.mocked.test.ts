import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Journal } from './journal.js';

/** Of the next line so many characters get onto the disk, which is full then. */
let room: number | undefined;
vi.mock('node:fs', async (original) => {
  const real = await original<typeof fs>();
  return {
    ...real,
    appendFileSync: (file: number, text: string) => {
      real.appendFileSync(file, text.slice(0, room));
      if (room !== undefined) throw new Error('ENOSPC: no space left on device, write');
    },
  };
});

let folder: string;
beforeEach(() => {
  room = undefined;
  folder = fs.mkdtempSync(join(tmpdir(), 'keyroll-journal-'));
});
afterEach(() => fs.rmSync(folder, { recursive: true }));

const path = (): string => join(folder, 'journal.jsonl');
const ids = (): string[] => Journal.open(path()).records.map(({ id }) => id);

describe('a journal on a disk that is full', () => {
  it('names the file and what to do, and does not have the record', () => {
    const journal = Journal.open(path());
    journal.append('done', 'a');
    room = 10;
    expect(() => journal.append('done', 'b')).toThrow(
      `${path()}: the journal cannot be written (ENOSPC: no space left on device, write); make room there, then give the same command again`,
    );
    expect(journal.has('done', 'b')).toBe(false);
    expect(ids()).toEqual(['a']);
  });

  it('goes on with a line of its own when there is room again', () => {
    const journal = Journal.open(path());
    room = 10;
    expect(() => journal.append('done', 'a')).toThrow('cannot be written');
    room = undefined;
    journal.append('done', 'b');
    expect(ids()).toEqual(['b']);
  });
});
