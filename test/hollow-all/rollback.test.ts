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
  // Which master leads when its turn comes, the next rotation does not share.
  const all = [...new Set(faults.journal)].filter((name) => !name.startsWith('fact leadership/'));
  await faults.ends(['rollback'], 0);
  return all;
}

/** What a rotation leaves that was killed before its keys lay on the disk: it had not begun, so there is no way back. */
const leftOfNone = /\/keyroll-boot\.service$/;

/** Takes back what was killed, and says how it ended. */
async function takeBack(when: string): Promise<string> {
  const { code, output } = await faults.run(['rollback']);
  const isNone = output.includes('holds no rotation that has begun and not ended');
  expect([code, output]).toEqual([isNone ? 3 : 0, output]);
  const changes = Object.entries(faults.changes);
  const unexpected = isNone ? changes.filter(([file]) => !leftOfNone.test(file)) : changes;
  expect(unexpected, when).toEqual([]);
  return isNone ? 'had not begun' : 'all old';
}

it(
  'is killed before and after every record before distrust, rolls back, and is as it began',
  { timeout: 8 * hours },
  async () => {
    const records = (await recordsBeforeDistrust()).filter((name) => new RegExp(only).test(name));
    expect(records.length).toBeGreaterThan(0);
    const meter = new Meter(faults);
    for (const name of records)
      for (const moment of ['before', 'after'] as const) {
        const when = `${moment} ${name}`;
        await faults.killed(['rotate-certs'], {
          when: moment,
          record: `^${name.replaceAll('.', '\\.')}$`,
        });
        const end = await takeBack(when);
        keepRow({ fault: 'kill -9', when, then: 'rollback', ...meter.read(), end });
        expect(faults.failures, when).toEqual([]);
      }
    await faults.well();
  },
);
