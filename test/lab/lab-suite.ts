import { afterAll, describe } from 'vitest';
import { say } from './say.js';
import { reasonToSkip, takeDown } from './test-lab.js';

const reason = await reasonToSkip();

/** Tests on the lab; where no lab can run they are reported as skipped, by name and reason. */
export function labSuite(name: string, tests: () => void): void {
  if (reason !== undefined) say(`SKIPPED: ${name}: this machine cannot run the lab: ${reason}`);
  describe.skipIf(reason !== undefined)(reason === undefined ? name : `${name} (skipped: ${reason})`, () => {
    afterAll(takeDown);
    tests();
  });
}
