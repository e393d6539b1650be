import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { HollowCluster } from '../../src/hollow/index.js';

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

/**
 * keyroll as users run it on a hollow cluster, in a process of its own; resolves to its exit code and all that it said.
 * @param killedAt what it says when it is killed; left out: it is not
 */
export function keyroll(
  { modelFile, ssh }: HollowCluster,
  command: readonly string[],
  killedAt?: string,
): Promise<{ code: number | null; output: string }> {
  const child = spawn(
    process.execPath,
    [
      ...['--import', 'tsx', main, ...command, '--api-model', modelFile, '--ssh-host', ssh.host],
      ...['--ssh-port', String(ssh.port), '--linux-ssh-private-key', ssh.keyFile],
      ...['--known-hosts', ssh.knownHosts, '--strict-host-keys', '--yes'],
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let output = '';
  child.stdout.on('data', (bytes: Buffer) => {
    output += bytes.toString();
    if (killedAt !== undefined && output.includes(killedAt)) child.kill('SIGKILL');
  });
  child.stderr.on('data', (bytes: Buffer) => (output += bytes.toString()));
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, output })));
}
