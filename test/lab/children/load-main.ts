/**
 * The load of a rotation: `load-main FILE` with FILE a JSON `ProberOrder`. Prints `ready` when reads and writes run; when
 * its standard input ends it stops, reads back what it wrote and prints a JSON `ProberResult`.
 */
import { readFileSync } from 'node:fs';
import { startProber, type ProberOrder } from '../../../lab/probe/prober.js';

const prober = await startProber(JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as ProberOrder);

process.stdin.resume().once('end', () => void end());
process.stdout.write('ready\n');

async function end(): Promise<void> {
  process.stdout.write(`${JSON.stringify(await prober.finish())}\n`);
}
