// Runs parts of the tests in lanes beside each other: lanes.mjs LANE LANE…, a lane being names of parts (targets
// `test-NAME` of the Makefile) joined by commas, one after another. A part whose name begins with a minus yields the
// processors to the others (nice): it fills the time in which those wait, and does not make what they measure late.
// What a part says is printed when it has ended, so that two never speak at once.
// Exit code 1 when one of them failed.
import { spawn } from 'node:child_process';

const yieldBy = '15';
let failed = 0;

/** Resolves when the part has ended and was told of. */
function run(part) {
  const begun = Date.now();
  const name = part.replace('-', '');
  const make = ['make', '--no-print-directory', `test-${name}`];
  const [program, ...args] = part.startsWith('-') ? ['nice', '-n', yieldBy, ...make] : make;
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const said = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes) => said.push(bytes));
  console.log(`${name}: begins`);
  return new Promise((resolve) => {
    const end = (how) => {
      if (how !== 0) failed += 1;
      process.stdout.write(Buffer.concat(said));
      const word = how === 0 ? 'passed' : `FAILED (${how})`;
      console.log(`${name}: ${word} after ${Math.round((Date.now() - begun) / 1000)} s`);
      resolve();
    };
    child.once('error', (error) => end(error.message));
    child.once('close', (code, signal) => end(code ?? signal));
  });
}

async function lane(parts) {
  for (const part of parts) await run(part);
}

await Promise.all(process.argv.slice(2).map((names) => lane(names.split(','))));
process.exitCode = failed === 0 ? 0 : 1;
