import { spawn } from 'node:child_process';
import type { HollowCluster } from '../../src/hollow/index.js';
import { compiled } from './compiled.js';

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
      ...[compiled().main, ...command, '--api-model', modelFile, '--ssh-host', ssh.host],
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
