import { spawnSync } from 'node:child_process';
import {
  chmodSync,
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
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { fileLine } from '../steps/file-lines.js';

// A script is some dozen processes; on a busy machine that takes its time.
vi.setConfig({ testTimeout: 60_000 });

const script = (name: string): string => fileURLToPath(new URL(`./${name}.sh`, import.meta.url));
let root: string;
const at = (path: string): string => join(root, path);
const state = (path = ''): string => at(join('var/lib/keyroll', path));
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'keyroll-node-'));
  for (const folder of ['etc/certs', 'etc/kubernetes/manifests', 'commands'])
    mkdirSync(at(folder), { recursive: true });
});
afterEach(() => rmSync(root, { recursive: true }));

const line = (path: string, text: string): string => fileLine(path, '600', 'root:root', text);
function run(name: string, args: readonly string[], input = ''): number | null {
  return spawnSync('/bin/sh', [script(name), ...args], {
    input,
    env: {
      ...process.env,
      KEYROLL_ROOT: root,
      PATH: `${at('commands')}${delimiter}${process.env.PATH ?? ''}`,
    },
  }).status;
}
/** A command that ends the script that calls it, as a crash would, when its arguments match. */
function crashAt(command: string, pattern: string): void {
  const real = spawnSync('sh', ['-c', `command -v ${command}`], { encoding: 'utf8' }).stdout.trim();
  const text = `#!/bin/sh\ncase "$*" in ${pattern}) kill -KILL $PPID; exit 1 ;; esac\nexec ${real} "$@"\n`;
  writeFileSync(at(`commands/${command}`), text);
  chmodSync(at(`commands/${command}`), 0o755);
}
const recover = (command: string): void => rmSync(at(`commands/${command}`));
const pair = (): (string | undefined)[] =>
  ['a.crt', 'a.key'].map((name) =>
    existsSync(at(`etc/certs/${name}`)) ? readFileSync(at(`etc/certs/${name}`), 'utf8') : undefined,
  );

describe('a pair of files', () => {
  const install = (): number | null =>
    run('install-files', ['r'], line('/etc/certs/a.crt', 'new') + line('/etc/certs/a.key', 'new key'));
  beforeEach(() => {
    writeFileSync(at('etc/certs/a.crt'), 'old');
    writeFileSync(at('etc/certs/a.key'), 'old key');
  });

  it('gets its names by one command', () => {
    writeFileSync(at('commands/mv'), `#!/bin/sh\necho "$*" >>${at('moves')}\nexec /bin/mv "$@"\n`, {
      mode: 0o755,
    });
    expect(install()).toBe(0);
    const moves = readFileSync(at('moves'), 'utf8').split('\n');
    expect(moves.filter((move) => move.includes('etc/certs/.keyroll'))).toEqual([
      expect.stringMatching(/^-f -t \S+\/etc\/certs \S+\/a\.crt \S+\/a\.key$/),
    ]);
  });

  it('is completed at boot when the node crashed before its names changed', () => {
    crashAt('mv', '*a.crt*a.key*');
    expect(install()).not.toBe(0);
    expect(pair()).toEqual(['old', 'old key']);
    recover('mv');
    expect(run('complete', ['boot'])).toBe(0);
    expect(pair()).toEqual(['new', 'new key']);
    expect(readdirSync(at('etc/certs')).sort()).toEqual(['a.crt', 'a.key']);
    expect(readdirSync(state('pending'))).toEqual([]);
  });

  it('stays old when the node crashed before anything was written down, and the next try succeeds', () => {
    crashAt('mv', '*pending*');
    expect(install()).not.toBe(0);
    recover('mv');
    expect(run('complete', ['boot'])).toBe(0);
    expect(pair()).toEqual(['old', 'old key']);
    expect(install()).toBe(0);
    expect(pair()).toEqual(['new', 'new key']);
  });

  it('is completed by the next installation when there was no boot between', () => {
    crashAt('mv', '*a.crt*a.key*');
    install();
    recover('mv');
    expect(run('install-files', ['r'], line('/etc/certs/b.crt', 'b'))).toBe(0);
    expect(pair()).toEqual(['new', 'new key']);
  });
});

describe('a swap of manifests', () => {
  const manifests = (): string[] => readdirSync(at('etc/kubernetes/manifests')).sort();
  beforeEach(() => {
    const step = state('steps/s');
    mkdirSync(step, { recursive: true });
    mkdirSync(state('pending'));
    writeFileSync(join(step, 'manifest'), 'next');
    writeFileSync(join(step, 'files'), line('/etc/certs/a.crt', 'new'));
    writeFileSync(
      state('pending/swap-s'),
      ['swap', step, 'r', 'x-trust.yaml', '644 root:root', 'x.yaml x-present.yaml', ''].join('\n'),
    );
  });

  it.each([
    ['before the old manifest left', ['x.yaml']],
    ['after it', []],
    ['after the new one came', ['x-trust.yaml']],
  ])('is completed at boot when the node crashed %s', (_, there) => {
    for (const name of there) writeFileSync(at(`etc/kubernetes/manifests/${name}`), 'next');
    mkdirSync(state('run'));
    writeFileSync(state('run/redirect'), '10.0.0.1');
    expect(run('complete', ['boot'])).toBe(0);
    expect(manifests()).toEqual(['x-trust.yaml']);
    expect(readFileSync(at('etc/kubernetes/manifests/x-trust.yaml'), 'utf8')).toBe('next');
    expect(readFileSync(at('etc/certs/a.crt'), 'utf8')).toBe('new');
    expect(readdirSync(state('pending'))).toEqual([]);
    expect(readdirSync(state('run'))).toEqual([]);
  });

  it('leaves the mode of the manifest as asked', () => {
    run('complete', ['boot']);
    expect(statSync(at('etc/kubernetes/manifests/x-trust.yaml')).mode & 0o777).toBe(0o644);
  });
});

describe('complete.sh', () => {
  it("refuses a record that is none of keyroll's, and does nothing without any", () => {
    expect(run('complete', ['boot'])).toBe(0);
    mkdirSync(state('pending'), { recursive: true });
    writeFileSync(state('pending/other'), 'what');
    expect(run('complete', ['boot'])).not.toBe(0);
  });
});
