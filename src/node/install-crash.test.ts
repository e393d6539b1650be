import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { fileLine } from '../steps/file-lines.js';

vi.setConfig({ testTimeout: 60_000 });

/** All programs that an installation starts, `sh` for `complete.sh` too. */
const programs = [
  ...[
    'base64',
    'cat',
    'chmod',
    'chown',
    'cmp',
    'cp',
    'date',
    'flock',
    'mkdir',
    'mktemp',
    'mv',
    'rm',
    'rmdir',
  ],
  ...['sed', 'sh', 'sha256sum', 'stat', 'sync', 'tail'],
];
const old = { 'etc/certs/a.crt': 'old', 'etc/certs/a.key': 'old key', 'etc/more/b.conf': 'old b' };
const fresh = { 'etc/certs/a.crt': 'new', 'etc/certs/a.key': 'new key', 'etc/more/b.conf': 'old b\nnew b\n' };
const input =
  fileLine('/etc/certs/a.crt', '644', 'root:root', 'new') +
  fileLine('/etc/certs/a.key', '600', 'root:root', 'new key') +
  '/etc/more/b.conf 644 root:root @original+new b\\n\n';

let root: string;
const at = (path: string): string => join(root, path);
const path = process.env['PATH'] ?? '';
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'keyroll-crash-'));
  for (const folder of ['etc/certs', 'etc/more', 'commands', 'var/log/azure'])
    mkdirSync(at(folder), { recursive: true });
  for (const [file, text] of Object.entries(old)) writeFileSync(at(file), text, { mode: 0o600 });
});
afterEach(() => rmSync(root, { recursive: true }));

/** Programs that count their calls; the one of that number does `then` instead of what it is for. */
function disturb(number: number, then: string): void {
  for (const program of programs) {
    const found = path.split(delimiter).find((folder) => existsSync(join(folder, program)));
    const text = `#!/bin/sh
read -r calls <'${at('calls')}'
calls=$((calls + 1))
echo $calls >'${at('calls')}'
if [ $calls -eq ${number} ]; then ${then}; fi
exec '${found ?? ''}/${program}' "$@"
`;
    writeFileSync(at(`commands/${program}`), text, { mode: 0o755 });
  }
  writeFileSync(at('calls'), '0\n');
}

function run(script: string, args: readonly string[], disturbed: boolean): number | null {
  return spawnSync('/bin/sh', [fileURLToPath(new URL(`./${script}.sh`, import.meta.url)), ...args], {
    input,
    env: {
      ...process.env,
      KEYROLL_ROOT: root,
      PATH: disturbed ? `${at('commands')}${delimiter}${path}` : path,
    },
  }).status;
}

function contents(folder = root): Record<string, string> {
  return Object.fromEntries(
    Object.keys(old).flatMap((file) =>
      existsSync(join(folder, file)) ? [[file, readFileSync(join(folder, file), 'utf8')]] : [],
    ),
  );
}

/** How many programs an undisturbed installation starts. */
function calls(): number {
  disturb(0, ':');
  expect(run('install-files', ['r'], true)).toBe(0);
  expect(contents()).toEqual(fresh);
  const all = Number(readFileSync(at('calls'), 'utf8'));
  for (const [file, text] of Object.entries(old)) writeFileSync(at(file), text, { mode: 0o600 });
  rmSync(at('var/lib'), { recursive: true });
  return all;
}

/** What was kept of before is whole; a file of one folder is not new where its neighbour is old. */
function expectWhole(): void {
  const { 'etc/certs/a.crt': certificate, 'etc/certs/a.key': key, 'etc/more/b.conf': more } = contents();
  expect([
    ['old', 'old key'],
    ['new', 'new key'],
  ]).toContainEqual([certificate, key]);
  expect(['old b', 'old b\nnew b\n']).toContain(more);
  const kept = contents(at('var/lib/keyroll/backup/r'));
  expect(old).toMatchObject(kept);
  for (const [file, text] of Object.entries(contents()))
    if (text === fresh[file as keyof typeof fresh]) expect(Object.keys(kept)).toContain(file);
  expect(statSync(at('etc/certs/a.key')).mode & 0o777).toBe(0o600);
}

it.each([
  ['a crash of the node at any program of an installation', 'kill -KILL $PPID; kill -KILL $$'],
  ['a failure of any program of an installation', 'echo "no room" >&2; exit 1'],
])('%s leaves pairs whole, and the next one makes all new', (_, then) => {
  const all = calls();
  for (let number = 1; number <= all; number += 1) {
    disturb(number, then);
    run('install-files', ['r'], true);
    expectWhole();
    expect(run('complete', ['boot'], false)).toBe(0);
    expectWhole();
    expect(run('install-files', ['r'], false)).toBe(0);
    expect(contents()).toEqual(fresh);
    expect(contents(at('var/lib/keyroll/backup/r'))).toEqual(old);
    expect(readdirSync(at('var/lib/keyroll/pending'))).toEqual([]);
    for (const [file, text] of Object.entries(old)) writeFileSync(at(file), text, { mode: 0o600 });
    for (const folder of ['var/lib', 'var/log/azure']) rmSync(at(folder), { recursive: true });
    mkdirSync(at('var/log/azure'));
  }
});
