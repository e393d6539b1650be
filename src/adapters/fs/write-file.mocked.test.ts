import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { writeFileAtomically } from './write-file.js';

/** What was asked of the file system for files, in its order; of a write also the mode that the file had before it. */
const calls = vi.hoisted((): unknown[][] => []);
vi.mock('node:fs', async (original) => {
  const real = await original<typeof fs>();
  return {
    ...real,
    openSync: (...args: Parameters<typeof fs.openSync>) => {
      calls.push(['open', ...args]);
      return real.openSync(...args);
    },
    writeFileSync: (file: number, text: string) => {
      const { mode, size } = real.fstatSync(file);
      calls.push(['write', (mode & 0o777).toString(8), size]);
      real.writeFileSync(file, text);
    },
    renameSync: (from: string, to: string) => {
      calls.push(['rename', from, to]);
      real.renameSync(from, to);
    },
    chmodSync: (...args: unknown[]) => calls.push(['chmod', ...args]),
    fchmodSync: (...args: unknown[]) => calls.push(['fchmod', ...args]),
  };
});

let root: string;
let umask: number;
beforeAll(() => {
  umask = process.umask(0);
  root = fs.mkdtempSync(join(tmpdir(), 'keyroll-write-'));
});
afterAll(() => {
  process.umask(umask);
  fs.rmSync(root, { recursive: true });
});
beforeEach(() => void calls.splice(0));

const modeOf = (path: string): string => (fs.statSync(path).mode & 0o777).toString(8);

describe('a file that is replaced', () => {
  it('is made anew for its owner alone, whatever the umask, and its mode is never changed', () => {
    const [folder, file] = [join(root, 'keys'), join(root, 'keys', 'ca.key')];
    const temporary = `${file}.${process.pid}.tmp`;
    writeFileAtomically(file, 'secret');
    expect(calls).toEqual([
      ['open', temporary, 'wx', 0o600],
      ['write', '600', 0],
      ['rename', temporary, file],
      ['open', folder, 'r'],
    ]);
    expect([modeOf(folder), modeOf(file)]).toEqual(['700', '600']);
  });

  it('is not written through links that were laid in its way, nor as open as what lies there', () => {
    const [file, victim] = [join(root, 'linked'), join(root, 'victim')];
    fs.closeSync(fs.openSync(victim, 'w', 0o666));
    for (const path of [file, `${file}.${process.pid}.tmp`]) fs.symlinkSync(victim, path);
    writeFileAtomically(file, 'secret');
    expect(fs.readFileSync(victim, 'utf8')).toBe('');
    expect(fs.readFileSync(file, 'utf8')).toBe('secret');
    expect([fs.lstatSync(file).isFile(), modeOf(file)]).toEqual([true, '600']);
  });
});
