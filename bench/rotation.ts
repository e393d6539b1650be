import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as lab from '../lab/cluster/index.js';
import { prepare } from '../lab/demo/prepare.js';
import { reportFile, rotateCommand } from '../lab/demo/rotate-command.js';
import { waits, type TimedRecord } from './waits.js';

interface Report {
  readonly outcome: string;
  readonly rotation: string;
  readonly seconds: number;
  readonly memoryMb: number;
  readonly phases: readonly { name: string; seconds: number }[];
  readonly restarts: readonly { process: string; node: string; count: number }[];
  readonly probe: Readonly<
    Record<string, { requests: number; failed: number; longestGapMs: number; longestLatencyMs: number }>
  >;
}

/**
 * One rotation of the lab (brought up when it does not run), and where its time went: the whole, each phase, each step,
 * and what a master's restart waits for. Prints figures and judges nothing; resolves to keyroll's exit code.
 */
export async function rotation(): Promise<number> {
  const { fqdn, paths } = await prepare();
  const code = await lab.execInteractive(rotateCommand(fqdn, paths));
  const report = JSON.parse(await readFile(reportFile, 'utf8')) as Report;
  const journal = await readFile(
    join(paths.clusterDir, '_keyroll', report.rotation, 'journal.jsonl'),
    'utf8',
  );
  const records = journal
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as TimedRecord);
  console.log(`\nrotation: ${report.seconds} s, keyroll at most ${report.memoryMb} MB (10^6 bytes)`);
  for (const { name, seconds } of report.phases)
    console.log(`  ${name.padEnd(9)} ${seconds.toFixed(1).padStart(6)} s`);
  console.log('\nwaits, in the order of their beginning:');
  for (const line of waits(records)) console.log(`  ${line}`);
  return code;
}
