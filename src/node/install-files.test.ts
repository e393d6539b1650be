import { spawnSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fileLine } from '../steps/file-lines.js';

const script = fileURLToPath(new URL('./install-files.sh', import.meta.url));
let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'keyroll-node-'));
  mkdirSync(join(root, 'etc/certs'), { recursive: true });
});
afterEach(() => rmSync(root, { recursive: true }));

const line = (path: string, text: string, mode = '600'): string => fileLine(path, mode, 'root:root', text);
const install = (
  input: string,
  environment: Readonly<Record<string, string>> = {},
): { code: number | null; out: string; err: string } => {
  const { status, stdout, stderr } = spawnSync('/bin/sh', [script, 'rot1'], {
    input,
    encoding: 'utf8',
    env: { ...process.env, KEYROLL_ROOT: root, ...environment },
  });
  return { code: status, out: stdout, err: stderr };
};
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

describe('install-files.sh', () => {
  it('replaces files with the mode asked for, keeps what was there, and leaves nothing else behind', () => {
    writeFileSync(join(root, 'etc/certs/a.crt'), 'old');
    expect(
      install(line('/etc/certs/a.crt', 'new', '644') + line('/etc/certs/a.key', 'secret')),
    ).toMatchObject({ code: 0 });
    expect([read('etc/certs/a.crt'), read('etc/certs/a.key')]).toEqual(['new', 'secret']);
    expect(statSync(join(root, 'etc/certs/a.key')).mode & 0o777).toBe(0o600);
    expect(statSync(join(root, 'etc/certs/a.crt')).mode & 0o777).toBe(0o644);
    expect(read('var/lib/keyroll/backup/rot1/etc/certs/a.crt')).toBe('old');
    expect(readdirSync(join(root, 'etc/certs')).sort()).toEqual(['a.crt', 'a.key']);
    expect(readdirSync(join(root, 'var/lib/keyroll'))).toEqual(['backup', 'install.guard', 'pending']);
    expect(readdirSync(join(root, 'var/lib/keyroll/pending'))).toEqual([]);
  });

  it("tells in the node's log what was replaced, and nothing of it", () => {
    install(line('/etc/certs/a.crt', 'new') + line('/etc/certs/a.key', 'secret'));
    const log = read('var/log/azure/rotate-certs.log');
    expect(log).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ install-files\.sh: replaced .*a\.crt .*a\.key\n$/);
    expect(log).not.toContain('secret');
  });

  it('says of a failure that there is no room, where that is so', () => {
    const broken = line('/etc/certs/a.crt', 'new', 'no-mode');
    expect(install(broken).err).not.toContain('KB are free');
    const programs = join(root, 'bin');
    mkdirSync(programs);
    writeFileSync(join(programs, 'df'), '#!/bin/sh\necho head\necho tmpfs 100 97 3 97% /\n', { mode: 0o755 });
    const { code, err } = install(broken, { PATH: `${programs}:${process.env['PATH'] ?? ''}` });
    expect(code).not.toBe(0);
    expect(err.trimEnd().split('\n').at(-1)).toBe(
      `${root}/var/lib/keyroll: 3 KB are free; make room there, then run the same command again`,
    );
  });

  it('backs up the first content, not what an earlier call of the same rotation wrote', () => {
    writeFileSync(join(root, 'etc/certs/a.crt'), 'first');
    install(line('/etc/certs/a.crt', 'second'));
    install(line('/etc/certs/a.crt', 'third'));
    expect(read('var/lib/keyroll/backup/rot1/etc/certs/a.crt')).toBe('first');
  });

  it('touches nothing when all is as asked', () => {
    install(line('/etc/certs/a.crt', 'new'));
    const before = statSync(join(root, 'etc/certs/a.crt')).ino;
    expect(install(line('/etc/certs/a.crt', 'new'))).toMatchObject({ code: 0, out: '' });
    expect(statSync(join(root, 'etc/certs/a.crt')).ino).toBe(before);
  });

  it.each(['', '\n', '  two\n\n\\n%b @original\\\t\n', '@original', '-n', 'Zürich – \u{1f511}\n'])(
    'writes what was given and nothing else: %j',
    (text) => {
      expect(install(line('/etc/certs/a.crt', text)).code).toBe(0);
      expect(read('etc/certs/a.crt')).toBe(text);
    },
  );

  it('leaves alone what is as asked beside what is not, and what has another mode it gives the one asked for', () => {
    const files = line('/etc/certs/a.crt', 'same') + line('/etc/certs/b.crt', 'other', '644');
    install(files + line('/etc/more/c.crt', 'same'));
    const before = statSync(join(root, 'etc/certs/a.crt')).ino;
    const { out } = install(files.replace('other', 'new') + line('/etc/more/c.crt', 'same', '640'));
    expect(out).toBe('/etc/certs/b.crt\n/etc/more/c.crt\n');
    expect(statSync(join(root, 'etc/certs/a.crt')).ino).toBe(before);
    expect(statSync(join(root, 'etc/more/c.crt')).mode & 0o777).toBe(0o640);
    expect(read('var/lib/keyroll/backup/rot1/etc/certs/b.crt')).toBe('other');
  });

  it('replaces a planted symbolic link and does not write through it', () => {
    writeFileSync(join(root, 'victim'), 'mine');
    symlinkSync(join(root, 'victim'), join(root, 'etc/certs/a.key'));
    install(line('/etc/certs/a.key', 'secret'));
    expect(read('victim')).toBe('mine');
    expect(read('etc/certs/a.key')).toBe('secret');
  });

  it('changes no name when one content cannot be written', () => {
    writeFileSync(join(root, 'etc/certs/a.crt'), 'old');
    writeFileSync(join(root, 'etc/plain'), 'a file, not a folder');
    expect(install(line('/etc/certs/a.crt', 'new') + line('/etc/plain/b.crt', 'x')).code).not.toBe(0);
    expect(read('etc/certs/a.crt')).toBe('old');
    expect(readdirSync(join(root, 'etc/certs'))).toEqual(['a.crt']);
  });

  it('brings back what a file held before the rotation, with its mode, and leaves alone what it never replaced', () => {
    writeFileSync(join(root, 'etc/certs/a.crt'), 'first\n', { mode: 0o640 });
    writeFileSync(join(root, 'etc/certs/b.crt'), 'untouched', { mode: 0o640 });
    install(line('/etc/certs/a.crt', 'new', '600') + line('/etc/certs/c.crt', 'made'));
    const original = ['a', 'b', 'c', 'd'].map((name) => `/etc/certs/${name}.crt 640 root:root @original\n`);
    expect(install(original.join(''))).toMatchObject({ code: 0, out: '/etc/certs/a.crt\n' });
    expect([read('etc/certs/a.crt'), read('etc/certs/b.crt')]).toEqual(['first\n', 'untouched']);
    expect(statSync(join(root, 'etc/certs/a.crt')).mode & 0o777).toBe(0o640);
    expect(readdirSync(join(root, 'etc/certs')).sort()).toEqual(['a.crt', 'b.crt', 'c.crt']);
  });

  it('appends to what a file held before the rotation, once, however often it is asked', () => {
    writeFileSync(join(root, 'etc/certs/a.crt'), 'leaf');
    const append = '/etc/certs/a.crt 644 root:root @original+bridge\\n\n';
    for (let time = 0; time < 3; time += 1) {
      expect(install(append).code).toBe(0);
      expect(read('etc/certs/a.crt')).toBe('leaf\nbridge\n');
    }
    install('/etc/certs/a.crt 644 root:root @original\n');
    expect(read('etc/certs/a.crt')).toBe('leaf');
  });
});
