import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { Guardian, markOf } from './guardian.js';

const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

/** A process that ends by force alone, and says when it is that far. */
async function stubborn(folder: string): Promise<ChildProcess> {
  const child = spawn('/bin/sh', ['-c', `trap '' INT TERM HUP; echo ready; while :; do read -r _; done`], {
    detached: true,
    stdio: ['pipe', 'pipe', 'ignore'],
    env: { PATH: process.env['PATH'], ...markOf(folder) },
  });
  children.push(child);
  await once(child.stdout, 'data');
  return child;
}

it('ends by force what has the mark of its cluster, and nothing else, and removes the folder', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'keyroll-guardian-'));
  writeFileSync(join(folder, 'file'), 'of the cluster');
  const guardian = new Guardian(folder);
  const marked = await Promise.all([stubborn(join(folder, 'one')), stubborn(join(folder, 'two', 'calls'))]);
  const other = await stubborn(join(`${folder}-of-another`, 'one'));
  const ends = marked.map((child) => once(child, 'exit'));
  await guardian.finish();
  expect(await Promise.all(ends)).toEqual([
    [null, 'SIGKILL'],
    [null, 'SIGKILL'],
  ]);
  expect(existsSync(folder)).toBe(false);
  expect(other.exitCode).toBeNull();
  expect(other.signalCode).toBeNull();
});
