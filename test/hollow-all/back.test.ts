import { afterAll, beforeAll, expect, it } from 'vitest';
import { FaultCluster, placeOf } from '../hollow/faults/fault-cluster.js';
import { keepRow, Meter, only } from './fault-rows.js';

const hours = 3_600_000;
let faults: FaultCluster;
beforeAll(async () => {
  faults = await FaultCluster.start();
}, 180_000);
afterAll(() => faults.stop());

it(
  'is killed before and after every record of the way back, goes on each time, and ends all old',
  { timeout: 4 * hours },
  async () => {
    await faults.ends(['rotate-certs', '--pause-after', 'refresh'], 0);
    const meter = new Meter(faults);
    const done: string[] = [];
    for (;;) {
      const run = await faults.run(['rollback'], { when: 'next', record: only, done });
      if (!run.killed) {
        expect(run.code, run.output).toBe(0);
        break;
      }
      const when = placeOf(run.output);
      done.push(when);
      keepRow({ fault: 'kill -9 on the way back', when, then: 'rollback', ...meter.read(), end: 'all old' });
      expect(faults.failures, when).toEqual([]);
      // Nothing is left to go on with.
      if (when.startsWith('after finished ')) break;
    }
    expect(faults.failures).toEqual([]);
    expect(faults.changes).toEqual({});
    await faults.well();
  },
);
