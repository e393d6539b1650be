import { afterAll, describe } from 'vitest';
import { say } from './say.js';
import { reasonToSkip, takeDown } from './test-lab.js';

const noLab = await reasonToSkip();

/**
 * Tests on the lab; where no lab can run they are reported as skipped, by name and reason.
 * @param noTests why these are not tried here though a lab runs
 */
export function labSuite(name: string, tests: () => void, noTests?: string): void {
  const reason = noLab === undefined ? noTests : `this machine cannot run the lab: ${noLab}`;
  if (reason !== undefined) say(`SKIPPED: ${name}: ${reason}`);
  describe.skipIf(reason !== undefined)(reason === undefined ? name : `${name} (skipped: ${reason})`, () => {
    afterAll(takeDown);
    tests();
  });
}
