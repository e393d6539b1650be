// Shared by the scripts that run others beside each other.
import { spawn } from 'node:child_process';

/**
 * Runs a program to its end. What it says is printed when it has ended, so that two never speak at once, and then how long
 * it took. Resolves to whether it succeeded.
 */
export function told(name, [program, ...args]) {
  const begun = Date.now();
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const said = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes) => said.push(bytes));
  return new Promise((resolve) => {
    const end = (how) => {
      const word = how === 0 ? 'passed' : `FAILED (${how})`;
      console.log(`${name} ${word} after ${Math.round((Date.now() - begun) / 1000)} s`);
      process.stdout.write(Buffer.concat(said));
      resolve(how === 0);
    };
    child.once('error', (error) => end(error.message));
    child.once('close', (code, signal) => end(code ?? signal));
  });
}
