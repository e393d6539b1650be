import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'keyroll-summary-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** What a part left: its exit code and, where there is one, a vitest report of one file. */
function part(
  name: string,
  code: number,
  ended?: Record<string, string>,
  status = 'passed',
  message = '',
): void {
  writeFileSync(join(folder, `${name}.exit`), `${code}\n`);
  if (ended === undefined) return;
  const assertionResults = Object.entries(ended).map(([fullName, each]) => ({ fullName, status: each }));
  const file = { name: resolve('a.test.ts'), status, message, assertionResults };
  writeFileSync(join(folder, `${name}.json`), JSON.stringify({ testResults: [file] }));
}

function summary(...args: string[]): { lines: string[]; code: number | null } {
  const { stdout, status } = spawnSync('node', ['scripts/summary.mjs', ...args, folder], {
    encoding: 'utf8',
  });
  return { lines: stdout.trimEnd().split('\n'), code: status };
}

describe('summary.mjs', () => {
  it('adds the tests of all parts, and counts a part without tests as one', () => {
    part('check', 0);
    part('unit', 0, { one: 'passed', two: 'passed' });
    part('lab', 0, { three: 'passed' });
    expect(summary('--expect', 'check,unit,lab')).toEqual({
      lines: ['4 passed, 0 failed, 0 skipped'],
      code: 0,
    });
  });

  it('names what failed and what was skipped', () => {
    part('unit', 1, { good: 'passed', bad: 'failed', later: 'pending', never: 'todo' }, 'failed');
    expect(summary()).toEqual({
      lines: [
        'skipped: a.test.ts: later',
        'skipped: a.test.ts: never',
        'failed: a.test.ts: bad',
        '1 passed, 1 failed, 2 skipped',
      ],
      code: 1,
    });
  });

  it('counts a file that could not be loaded as a failure', () => {
    part('unit', 1, {}, 'failed', 'Cannot find module\n  at x');
    expect(summary().lines).toEqual([
      'a.test.ts: Cannot find module',
      '    at x',
      'failed: a.test.ts: Cannot find module',
      '0 passed, 1 failed, 0 skipped',
    ]);
  });

  it('ends with what failed tests and hooks said, of a long text its beginning and its end', () => {
    const said = [
      'AssertionError: 3 requests failed',
      ...Array.from({ length: 99 }, () => 'so it went'),
      'the end',
    ].join('\n');
    const assertionResults = [{ fullName: 'bad', status: 'failed', failureMessages: [said] }];
    const file = { name: resolve('a.test.ts'), status: 'failed', message: '', assertionResults };
    part('unit', 1);
    writeFileSync(join(folder, 'unit.json'), JSON.stringify({ testResults: [file] }));
    writeFileSync(join(folder, 'unit.hooks.json'), JSON.stringify([['a rotation', 'Error: no lab']]));
    const { lines } = summary();
    expect(lines.slice(0, 2)).toEqual(['a.test.ts: bad', '  AssertionError: 3 requests failed']);
    expect(lines.slice(-5)).toEqual([
      '  the end',
      'a rotation',
      '  Error: no lab',
      'failed: a.test.ts: bad',
      '0 passed, 1 failed, 0 skipped',
    ]);
    expect(lines.length).toBeLessThan(40);
  });

  it('counts a failure that no test shows, and a part that never ended', () => {
    part('unit', 1, { good: 'passed' });
    expect(summary('--expect', 'unit,lab')).toEqual({
      lines: [
        'failed: unit: ended with exit code 1',
        'failed: lab: did not run to its end',
        '1 passed, 2 failed, 0 skipped',
      ],
      code: 1,
    });
  });

  it('does not call a run good in which nothing ran', () => {
    expect(summary()).toEqual({ lines: ['0 passed, 0 failed, 0 skipped'], code: 1 });
  });
});
