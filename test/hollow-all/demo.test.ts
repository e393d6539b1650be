import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { failuresIn, type Report } from '../../src/report/report.js';
import { folderOf, startDemo } from './demo.js';

const minutes = 60_000;
const home = mkdtempSync(join(tmpdir(), 'keyroll-demo-'));
afterAll(() => rmSync(home, { recursive: true }));

/** What a rotation without a failure leaves. */
function expectWhole(file: string, masters: number): void {
  const report = JSON.parse(readFileSync(file, 'utf8')) as Report;
  expect(report.outcome).toBe('rotated');
  expect(failuresIn(report.probe)).toBe(0);
  expect(report.credentials.filter(({ name }) => name === 'apiserver')).toHaveLength(masters);
  for (const { oldFingerprint, newFingerprint } of report.credentials)
    expect(newFingerprint).not.toBe(oldFingerprint);
}

describe('keyroll demo', () => {
  it.each([1, 5])(
    'rotates %i masters without a failed request',
    { timeout: 10 * minutes },
    async (masters) => {
      const report = join(home, `report-${masters}.json`);
      const demo = startDemo(['--masters', String(masters), '--agents', '1', '--report', report], home);
      expect(await demo.ended, demo.lines.join('\n')).toBe(0);
      expectWhole(report, masters);
      expect(demo.lines.join('\n')).toMatch(/called its API \d+ times meanwhile; 0 calls failed/);
      expect([demo.lines[0], demo.lines.at(-1)]).toEqual(
        Array(2).fill(expect.stringMatching(/hollow.*make demo-real/)),
      );
    },
  );

  it(
    'leaves its cluster up and tells the command by which it is rotated by hand',
    { timeout: 10 * minutes },
    async () => {
      const report = join(home, 'report-kept.json');
      const demo = startDemo(['--masters', '3', '--agents', '1', '--keep', '--report', report], home);
      const folder = await folderOf(demo);
      await demo.said(/To rotate it by hand/);
      const [command = ''] = await demo.said(/^ {2}node .* rotate-certs .*/).then(([line]) => [line.trim()]);
      rmSync(report);
      await promisify(execFile)('/bin/sh', ['-c', command], { env: { ...process.env, HOME: home } });
      expectWhole(report, 3);
      demo.child.kill('SIGINT');
      expect(await demo.ended).toBe(0);
      expect(existsSync(folder)).toBe(false);
    },
  );
});
