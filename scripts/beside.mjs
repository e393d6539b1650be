// Runs scripts of package.json beside each other, as many at a time as there are cores, in the order given: the longest
// first. What one says is printed when it has ended, so that two never speak at once.
// Exit code 1 when one of them failed.
// Usage: beside.mjs SCRIPT…
import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';

const waiting = process.argv.slice(2);
let failed = 0;

/** Resolves when it has ended and was told of. */
function run(name) {
  const begun = Date.now();
  const child = spawn('npm', ['run', '-s', name], { stdio: ['ignore', 'pipe', 'pipe'] });
  const said = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes) => said.push(bytes));
  return new Promise((resolve) => {
    const end = (how) => {
      if (how !== 0) failed += 1;
      const word = how === 0 ? 'passed' : `FAILED (${how})`;
      console.log(`${name} ${word} after ${Math.round((Date.now() - begun) / 1000)} s`);
      process.stdout.write(Buffer.concat(said));
      resolve();
    };
    child.once('error', (error) => end(error.message));
    child.once('close', (code, signal) => end(code ?? signal));
  });
}

async function work() {
  for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) await run(name);
}

await Promise.all(Array.from({ length: availableParallelism() }, work));
process.exitCode = failed === 0 ? 0 : 1;
