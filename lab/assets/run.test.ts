import { describe, expect, it } from 'vitest';
import { CommandError, run } from './run.js';

describe('run', () => {
  it('resolves to stdout and hands on lines of both streams', async () => {
    const lines: string[] = [];
    const out = await run('sh', ['-c', 'echo one; echo two >&2; echo three'], {
      onLine: (line) => lines.push(line),
    });
    expect(out).toBe('one\nthree');
    expect(lines.sort()).toEqual(['one', 'three', 'two']);
  });

  it('says which command ended how, with its last words, and keeps all of them', async () => {
    const failed = run('sh', ['-c', 'seq 100 >&2; exit 3']);
    await expect(failed).rejects.toThrow(/^sh -c .*ended with 3, expected 0; its last words:\n86\n/s);
    const error = await failed.catch((thrown: unknown) => thrown);
    expect(error instanceof CommandError && error.stderr.startsWith('1\n2\n')).toBe(true);
  });

  it('says so when there is no such program', async () => {
    await expect(run('keyroll-no-such-program', [])).rejects.toThrow(/keyroll-no-such-program.*ENOENT/);
  });
});
