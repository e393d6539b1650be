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
  'is killed before and after every record of a rotation, goes on each time, and ends all new',
  { timeout: 4 * hours },
  async () => {
    const meter = new Meter(faults);
    const before: string[] = [];
    const rows: string[] = [];
    for (let command = 'rotate-certs'; ; command = faults.rotation === '' ? 'rotate-certs' : 'resume') {
      const run = await faults.run([command], { when: 'next', record: only, before });
      if (!run.killed) {
        expect(run.code, run.output).toBe(0);
        break;
      }
      const when = placeOf(run.output);
      if (when.startsWith('before ')) before.push(when.slice('before '.length));
      rows.push(when);
      keepRow({ fault: 'kill -9', when, then: 'resume', ...meter.read(), end: 'all new' });
      expect(faults.failures, when).toEqual([]);
    }
    expect(faults.failures).toEqual([]);
    expect(Object.values(faults.changes).filter((word) => / (changed|came)$/.test(word))).toEqual([]);
    expect(rows.filter((when) => when.startsWith('before')).length).toBe(rows.length / 2);
    await faults.well();
  },
);
