/**
 * The load of a rotation: `load-main FILE` with FILE a JSON `LoadOrder`. Reads and writes on kept connections, as the
 * old admin until the new kubeconfig appears, then as the new one. Prints `ready` when both classes run; when its
 * standard input ends it stops, reads back what it wrote and prints a JSON `LoadResult`.
 */
import { existsSync, readFileSync } from 'node:fs';
import { runLoad } from '../../../src/probe/index.js';
import { credentialsIn } from '../run/kubeconfig.js';
import type { LoadOrder, LoadResult } from '../run/load.js';

const order = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as LoadOrder;
const { readsPerSecond, writesPerSecond, namespace } = order;
const load = await runLoad({
  ...{ readsPerSecond, writesPerSecond, namespace },
  targets: order.addresses.map((connectHost) => ({ server: order.server, connectHost })),
  credentials: credentialsIn(order.kubeconfig),
});
let switchedAt: number | undefined;
let switching = Promise.resolve();

async function becomeNew(file: string): Promise<void> {
  const fresh = credentialsIn(file);
  switchedAt = Date.now();
  for (const name of ['load-read', 'load-write']) await load.setCredentials(name, fresh, true);
}

const look = setInterval(() => {
  if (switchedAt !== undefined || order.newKubeconfig === undefined || !existsSync(order.newKubeconfig))
    return;
  switching = becomeNew(order.newKubeconfig);
}, 200);

process.stdin.resume().once('end', () => void end());
process.stdout.write('ready\n');

async function end(): Promise<void> {
  clearInterval(look);
  await switching;
  const stats = await load.finish();
  const result: LoadResult = { stats, ...(switchedAt === undefined ? {} : { switchedAt }) };
  process.stdout.write(`${JSON.stringify(result)}\n`);
}
