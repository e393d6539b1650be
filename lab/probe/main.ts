/**
 * `lab probe`'s program in the lab's network: `main.ts FILE SECONDS` with FILE a JSON `ProberOrder`. Says every five
 * seconds what it saw, until SIGINT, SIGTERM or the end of SECONDS (0: none); ends with 1 when a request failed.
 */
import { readFileSync } from 'node:fs';
import type { ProbeStats } from '../../src/probe/index.js';
import { startProber, type ProberOrder } from './prober.js';

const [file = '', seconds = '0'] = process.argv.slice(2);
let told = 0;

function show({ at, classes }: ProbeStats): void {
  for (const [name, { requests, failed, resent, longestGapMs, longestLatencyMs, lost }] of Object.entries(
    classes,
  ))
    console.log(
      `${at.slice(11, 19)}  ${name.padEnd(11)} ${requests} requests, ${failed} failed, ${resent} resent, ` +
        `longest gap ${Math.round(longestGapMs)} ms, longest latency ${Math.round(longestLatencyMs)} ms` +
        (lost === undefined ? '' : `, ${lost} writes lost`),
    );
}

const prober = await startProber(JSON.parse(readFileSync(file, 'utf8')) as ProberOrder, (stats) => {
  told += 1;
  if (told % 5 === 0) show(stats);
});
await new Promise<void>((resolve) => {
  process.once('SIGINT', resolve).once('SIGTERM', resolve);
  if (Number(seconds) > 0) setTimeout(resolve, Number(seconds) * 1000);
});
const { stats, switchedAt } = await prober.finish();
show(stats);
for (const { failures } of Object.values(stats.classes))
  for (const { at, error } of failures) console.log(`  ${at} ${error}`);
if (switchedAt !== undefined)
  console.log(`took the new kubeconfig at ${new Date(switchedAt).toISOString().slice(11, 19)}`);
const failed = Object.values(stats.classes).reduce((sum, each) => sum + each.failed + (each.lost ?? 0), 0);
process.exitCode = failed > 0 ? 1 : 0;
