// Runs parts of the tests in lanes beside each other: lanes.mjs LANE LANE…, a lane being names of parts (targets
// `test-NAME` of the Makefile) joined by commas, one after another. A part whose name begins with a minus yields the
// processors to the others (nice): it fills the time in which those wait, and does not make what they measure late.
// What a part says is printed when it has ended, so that two never speak at once.
// Exit code 1 when one of them failed.
import { told } from './told.mjs';

const yieldBy = '15';
let failed = 0;

async function lane(parts) {
  for (const part of parts) {
    const name = part.replace('-', '');
    const make = ['make', '--no-print-directory', `test-${name}`];
    console.log(`${name} begins`);
    if (!(await told(name, part.startsWith('-') ? ['nice', '-n', yieldBy, ...make] : make))) failed += 1;
  }
}

await Promise.all(process.argv.slice(2).map((names) => lane(names.split(','))));
process.exitCode = failed === 0 ? 0 : 1;
