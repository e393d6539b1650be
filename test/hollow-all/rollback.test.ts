import { afterAll, beforeAll, expect, it } from 'vitest';
import { FaultCluster } from '../hollow/faults/fault-cluster.js';
import { keepRow, Meter, only } from './fault-rows.js';

const hours = 3_600_000;
let faults: FaultCluster;
beforeAll(async () => {
  faults = await FaultCluster.start();
}, 180_000);
afterAll(() => faults.stop());

/** Records of a whole rotation up to `distrust`, as one that nothing happens to writes them. */
async function recordsBeforeDistrust(): Promise<string[]> {
  await faults.ends(['rotate-certs', '--pause-after', 'refresh'], 0);
  const all = [...new Set(faults.journal)];
  await faults.ends(['rollback'], 0);
  return all;
}

it(
  'is killed before and after every record before distrust, rolls back, and is as it began',
  { timeout: 8 * hours },
  async () => {
    const records = (await recordsBeforeDistrust()).filter((name) => new RegExp(only).test(name));
    expect(records.length).toBeGreaterThan(0);
    const meter = new Meter(faults);
    for (const name of records)
      for (const when of ['before', 'after'] as const) {
        const record = `^${name.replaceAll('.', '\\.')}$`;
        // A rotation that was taken back has ended: this one begins anew.
        await faults.killed(['rotate-certs'], { when, record });
        await faults.ends(['rollback'], 0);
        keepRow({
          fault: 'kill -9',
          when: `${when} ${name}`,
          then: 'rollback',
          ...meter.read(),
          end: 'all old',
        });
        expect(faults.failures, `${when} ${name}`).toEqual([]);
        expect(faults.changes, `${when} ${name}`).toEqual({});
      }
    await faults.well();
  },
);
