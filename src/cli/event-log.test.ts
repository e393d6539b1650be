import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventLog } from './event-log.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'keyroll-events-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('the log of events', () => {
  it('has a line for each, for its owner alone', () => {
    const file = join(folder, '_keyroll', 'events.jsonl');
    const log = eventLog(file, (text) => expect.fail(text));
    for (const text of ['one', 'two']) log({ code: 'note', text });
    const lines = readFileSync(file, 'utf8').trim().split('\n');
    expect(lines.map((line) => (JSON.parse(line) as { text: string }).text)).toEqual(['one', 'two']);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it('stops nothing when it cannot be written, and says so once', () => {
    const inTheWay = join(folder, 'file');
    writeFileSync(inTheWay, '');
    const told: string[] = [];
    const log = eventLog(join(inTheWay, 'events.jsonl'), (text) => told.push(text));
    for (const text of ['one', 'two']) log({ code: 'note', text });
    expect(told).toEqual([
      expect.stringContaining('events.jsonl: events cannot be written, and will be missing there (E'),
    ]);
  });

  it('is not written through a link that was laid in its place', () => {
    const [file, victim] = [join(folder, 'events.jsonl'), join(folder, 'victim')];
    writeFileSync(victim, 'mine');
    symlinkSync(victim, file);
    const told: string[] = [];
    eventLog(file, (text) => told.push(text))({ code: 'note', text: 'one' });
    expect(readFileSync(victim, 'utf8')).toBe('mine');
    expect(told).toEqual([expect.stringContaining('ELOOP')]);
  });

  it('does not make a folder again that went with its API model', () => {
    const told: string[] = [];
    const gone = join(folder, 'gone');
    eventLog(join(gone, '_keyroll', 'events.jsonl'), (text) => told.push(text))({
      code: 'note',
      text: 'one',
    });
    expect(told).toEqual([expect.stringContaining('ENOENT')]);
    expect(existsSync(gone)).toBe(false);
  });
});
