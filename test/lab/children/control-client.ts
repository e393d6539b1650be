/**
 * Asks the control server ten times a second on fresh connections: `control-client HOST PORT`. When its standard input
 * ends, prints how often it asked and every time longer than a second in which it had no answer. Nothing of the cluster
 * is in its way, so such a stall is this machine's own.
 */
import { get } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ControlResult, Stall } from '../run/control.js';

const everyMs = 100;
const stallMs = 1000;
const [host = '', port = ''] = process.argv.slice(2);
const stalls: Stall[] = [];
let requests = 0;
let failed = 0;
let longestMs = 0;

function ask(): Promise<void> {
  return new Promise((resolve, reject) => {
    get({ host, port, agent: false, timeout: 30_000 }, (answer) => answer.resume().once('end', resolve))
      .once('timeout', () => reject(new Error('no answer in 30 s')))
      .once('error', reject);
  });
}

async function askOn(): Promise<never> {
  let before = Date.now();
  for (;;) {
    requests += 1;
    await ask().catch(() => (failed += 1));
    const now = Date.now();
    longestMs = Math.max(longestMs, now - before);
    if (now - before > stallMs) stalls.push({ from: before, to: now });
    before = now;
    await sleep(everyMs);
  }
}

process.stdin.resume().once('end', () => {
  const result: ControlResult = { requests, failed, longestMs, stalls };
  process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0));
});
process.stdout.write('ready\n');
await askOn();
