// Runs scripts of package.json beside each other, as many at a time as there are cores, in the order given: the longest
// first. What one says is printed when it has ended, so that two never speak at once.
// Exit code 1 when one of them failed.
// Usage: beside.mjs SCRIPT…
import { availableParallelism } from 'node:os';
import { told } from './told.mjs';

const waiting = process.argv.slice(2);
let failed = 0;

async function work() {
  for (let name = waiting.shift(); name !== undefined; name = waiting.shift())
    if (!(await told(name, ['npm', 'run', '-s', name]))) failed += 1;
}

await Promise.all(Array.from({ length: availableParallelism() }, work));
process.exitCode = failed === 0 ? 0 : 1;
