import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

/** What was seen of a file before a command wrote its first byte into it, or gave it another mode or name. */
interface Seen {
  readonly command: string;
  readonly mode: string;
  readonly path: string;
}

let root: string;
const at = (path: string): string => join(root, path);
beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'keyroll-modes-')));
  for (const folder of ['etc/certs', 'commands', 'var/lib']) mkdirSync(at(folder), { recursive: true });
  for (const command of ['cat', 'base64']) tellOf(command, writtenTo);
  for (const command of ['chown', 'chmod', 'mv', 'sync']) tellOf(command, named);
});
afterEach(() => rmSync(root, { recursive: true }));

const writtenTo = 'out=/proc/$$/fd/1; [ ! -f "$out" ] || seen "$out"';
const named = 'for path in "$@"; do [ ! -f "$path" ] || seen "$path"; done';

/** A command that first tells the modes of files, then does what it always does. */
function tellOf(command: string, look: string): void {
  const real = spawnSync('/bin/sh', ['-c', `command -v ${command}`], { encoding: 'utf8' }).stdout.trim();
  const text = `#!/bin/sh
seen() { echo "${command} $(stat -L -c %a "$1") $(readlink -f "$1")" >>"$KEYROLL_ROOT/seen"; }
${look}
exec ${real} "$@"
`;
  writeFileSync(at(`commands/${command}`), text, { mode: 0o755 });
}

/** Runs a script for somebody whose files are everybody's unless it says otherwise. */
function run(script: string, args: readonly string[], input: string): void {
  const path = fileURLToPath(new URL(`./${script}.sh`, import.meta.url));
  const { status, stderr } = spawnSync(
    '/bin/sh',
    ['-c', 'umask 000; exec /bin/sh "$0" "$@"', path, ...args],
    {
      input,
      encoding: 'utf8',
      env: {
        ...process.env,
        KEYROLL_ROOT: root,
        PATH: `${at('commands')}${delimiter}${process.env['PATH'] ?? ''}`,
      },
    },
  );
  expect([status, stderr]).toEqual([0, '']);
}

function seen(): Seen[] {
  return readFileSync(at('seen'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => {
      const [command = '', mode = '', path = ''] = line.split(' ');
      return { command, mode, path: path.slice(root.length) };
    });
}

/** No file was ever anybody else's, these among them; nor is the folder that holds what nodes keep. */
function closedFromTheFirstByte(writers: readonly (readonly [command: string, path: RegExp])[]): void {
  const all = seen();
  expect(all.filter(({ mode }) => mode !== '600')).toEqual([]);
  for (const [command, path] of writers)
    expect(
      all.filter((each) => each.command === command && path.test(each.path)),
      `${command} ${path.source}`,
    ).not.toEqual([]);
  expect(modeOf('var/lib/keyroll')).toBe('700');
}

const modeOf = (path: string): string => (statSync(at(path)).mode & 0o777).toString(8);
const key = (path: string, content: string): string => `${path} 600 root:root ${content}\n`;

describe('a file with a key is its owner’s alone from its first byte', () => {
  it('when install-files.sh writes it, brings back what was there, or appends to that', () => {
    writeFileSync(at('etc/certs/old.key'), 'old', { mode: 0o600 });
    run('install-files', ['r'], key('/etc/certs/new.key', 'new') + key('/etc/certs/old.key', 'x'));
    run('install-files', ['r'], key('/etc/certs/old.key', '@original'));
    run('install-files', ['r'], key('/etc/certs/old.key', '@original+more'));
    closedFromTheFirstByte([
      // The first command that meets what the shell itself has written.
      ['chown', /\/etc\/certs\/\.keyroll-\w+\/new\.key$/],
      ['cat', /\/etc\/certs\/\.keyroll-\w+\/old\.key$/],
      ['mv', /\/etc\/certs\/\.keyroll-\w+\/new\.key$/],
      ['sync', /\/var\/lib\/keyroll\/\.install-\w+\/backup\/etc\/certs\/old\.key$/],
    ]);
    for (const name of ['new.key', 'old.key']) expect(modeOf(`etc/certs/${name}`)).toBe('600');
    expect(modeOf('var/lib/keyroll/backup/r/etc/certs/old.key')).toBe('600');
  });

  it('when install-files.sh makes its folder: nobody else looks into that either', () => {
    run('install-files', ['r'], key('/etc/certs/made/a.key', 'new'));
    closedFromTheFirstByte([['chown', /\/made\/\.keyroll-\w+\/a\.key$/]]);
    expect(modeOf('etc/certs/made')).toBe('700');
  });

  it('when keep-state.sh keeps it', () => {
    run('keep-state', ['put', 'r'], Buffer.from('all keys').toString('base64'));
    closedFromTheFirstByte([
      ['base64', /\/rotations\/\.part-\w+$/],
      ['mv', /\/rotations\/\.part-\w+$/],
    ]);
    expect([modeOf('var/lib/keyroll/rotations'), modeOf('var/lib/keyroll/rotations/r')]).toEqual([
      '700',
      '600',
    ]);
  });

  it('when with-input.sh has waited for the rest of it, which nothing on the disk holds', () => {
    const input = key('/etc/certs/a.key', 'new');
    run('with-input', [String(input.length), 'install-files', 'r'], input);
    closedFromTheFirstByte([['chown', /\/etc\/certs\/\.keyroll-\w+\/a\.key$/]]);
  });
});
