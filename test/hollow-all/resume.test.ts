import { afterAll, beforeAll, expect, it } from 'vitest';
import { FaultCluster, placeOf } from '../hollow/faults/fault-cluster.js';
import { keepRow, Meter, only, type FaultRow } from './fault-rows.js';

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
    // What a rotation that nothing befalls makes of the same files.
    await faults.ends(['rotate-certs'], 0);
    const undisturbed = faults.endState;
    faults.begin();
    const meter = new Meter(faults);
    const done: string[] = [];
    const rows: FaultRow[] = [];
    for (;;) {
      // The same command begins and goes on: what had not reached the disk has not begun.
      const run = await faults.run(['rotate-certs'], { when: 'next', record: only, done });
      if (!run.killed) {
        expect(run.code, run.output).toBe(0);
        break;
      }
      const when = placeOf(run.output);
      done.push(when);
      rows.push({ fault: 'kill -9', when, then: 'resume', ...meter.read(), end: 'all new' });
      expect(faults.failures, when).toEqual([]);
      // Nothing is left to go on with.
      if (when.startsWith('after finished ')) break;
    }
    expect(faults.failures).toEqual([]);
    expect(faults.notNew).toEqual([]);
    expect(faults.endState).toEqual(undisturbed);
    for (const row of rows) keepRow(row);
    // Killed between a move of leadership and its record, the next run finds nothing to move, and writes none.
    const both = done.filter((when) => !/^\w+ fact leadership\//.test(when));
    expect(both.filter((when) => when.startsWith('before')).length).toBe(both.length / 2);
    await faults.well();
  },
);
