import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { RemoteError } from '../adapters/ssh/error.js';
import { LockedError } from '../adapters/fs/folder-lock.js';
import type { NodeShell, RunOptions, RunResult } from '../adapters/ssh/types.js';
import { thisHolder } from '../execute/holder.js';
import { ClusterLock } from './cluster-lock.js';

// Each look at a lock is a process; on a busy machine that takes its time.
vi.setConfig({ testTimeout: 60_000 });

const script = fileURLToPath(new URL('../node/lock.sh', import.meta.url));
const names = ['m0', 'm1', 'm2'];
let root: string;
let away: Set<string>;
let notes: string[];
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'keyroll-lock-'));
  away = new Set();
  notes = [];
});
afterEach(() => rmSync(root, { recursive: true }));

/** A node whose lock.sh really runs, in a folder of its own. */
function node(name: string): NodeShell {
  mkdirSync(join(root, name), { recursive: true });
  const run = (
    _: string,
    args: readonly string[] = [],
    { stdin = '' }: RunOptions = {},
  ): Promise<RunResult> => {
    if (away.has(name))
      return Promise.reject(new RemoteError('unreachable', `${name} is away`, { node: name }));
    const env = { ...process.env, KEYROLL_ROOT: join(root, name) };
    const { status, stdout, stderr } = spawnSync('/bin/sh', [script, ...args], {
      input: stdin,
      encoding: 'utf8',
      env,
    });
    if (status !== 0) return Promise.reject(new Error(stderr));
    return Promise.resolve({ code: 0, stdout, stderr });
  };
  return { run } as unknown as NodeShell;
}
const masters = (): Map<string, NodeShell> => new Map(names.map((name) => [name, node(name)]));
const take = (command = 'rotate-certs', holder = thisHolder(command)): Promise<ClusterLock> =>
  ClusterLock.take(masters(), holder, (text) => notes.push(text));
const file = (name: string): string => join(root, name, 'var/lib/keyroll/lock');

describe('ClusterLock', () => {
  it('refuses a second operator, with who holds it and since when, until it is released', async () => {
    const holder = thisHolder('rotate-certs');
    const lock = await take('rotate-certs', holder);
    await expect(take('rollback')).rejects.toThrow(LockedError);
    await expect(take('rollback')).rejects.toThrow(
      `node m0: the cluster is being worked on by ${holder.who} (process ${holder.pid}, rotate-certs) since ${holder.since}`,
    );
    await lock.release();
    await (await take('rollback')).release();
    expect(notes).toEqual([]);
  });

  it('gives back what it had taken when one master refuses', async () => {
    await ClusterLock.take(new Map([['m2', node('m2')]]), thisHolder('x'), () => undefined);
    await expect(take()).rejects.toThrow('node m2');
    expect(() => readFileSync(file('m0'))).toThrow('ENOENT');
  });

  it('does not take over what it cannot tell the age of', async () => {
    const bin = join(root, 'bin');
    mkdirSync(bin);
    writeFileSync(join(bin, 'stat'), '#!/bin/sh\nexit 1\n', { mode: 0o755 });
    await take();
    const path = process.env['PATH'] ?? '';
    vi.stubEnv('PATH', `${bin}:${path}`);
    await expect(take('rollback')).rejects.toThrow('the age of /var/lib/keyroll/lock cannot be told');
    vi.unstubAllEnvs();
    expect(readFileSync(file('m0'), 'utf8')).toContain('rotate-certs');
  });

  it('takes a dead holder over: at once where the process is known to be gone, else after a minute', async () => {
    await take('rotate-certs', { ...thisHolder('rotate-certs'), pid: spawnSync('true').pid, started: '1' });
    const second = await take('resume', { ...thisHolder('resume'), host: 'another machine' });
    expect(notes.filter((note) => note.includes('is dead'))).toHaveLength(3);
    await expect(take('rollback')).rejects.toThrow(/last sign of life \d+ s ago/);
    const past = new Date(Date.now() - 61_000);
    for (const name of names) utimesSync(file(name), past, past);
    await take('rollback');
    await expect(second.renew()).rejects.toThrow('the lock was lost to');
  });

  it('does without one master of three, not without two', async () => {
    away.add('m1');
    const lock = await take();
    expect(notes).toEqual(['node m1: its lock could not be taken (m1 is away)']);
    await lock.renew();
    await lock.release();
    away.add('m2');
    await expect(take()).rejects.toThrow('on 1 of 3 masters');
  });
});
