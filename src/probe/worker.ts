/** The probe's thread: an engine that takes orders from the main thread. */
import { parentPort, workerData } from 'node:worker_threads';

import { Engine } from './engine.js';
import type { Asked, Order, Told } from './messages.js';
import type { ProbeConfig } from './types.js';

const port = parentPort;
if (port === null) throw new Error('src/probe/worker runs only as a worker thread of startProbe');
const tell = (told: Told) => port.postMessage(told);

const config = workerData as ProbeConfig;
const engine = new Engine(config);
let progress: NodeJS.Timeout | undefined;

async function begin(): Promise<void> {
  await engine.begin();
  progress = setInterval(() => tell({ progress: engine.stats() }), config.statsEveryMs ?? 1000);
}

async function carryOut(order: Order) {
  switch (order.do) {
    case 'begin':
      await begin();
      return engine.stats();
    case 'start':
      await engine.startClass(order.name);
      return engine.stats();
    case 'stop':
      await engine.stopClass(order.name);
      return engine.stats();
    case 'credentials':
      engine.setCredentials(order.name, order.credentials, order.reconnect);
      return engine.stats();
    case 'stats':
      return engine.stats();
    case 'finish':
      clearInterval(progress);
      return await engine.finish();
  }
}

port.on('message', ({ id, order }: Asked) => {
  void carryOut(order).then(
    (stats) => tell({ id, stats }),
    (error: unknown) => tell({ id, error: error instanceof Error ? error.message : String(error) }),
  );
});
