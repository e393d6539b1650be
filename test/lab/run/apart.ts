import { spawn, type ChildProcess, type StdioOptions } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';

/**
 * Starts a program that stands for another machine: the operator's, or a client's. In the field such a machine does not
 * share the cluster's processors; here it gets a session of its own, which the scheduler weighs apart from all else and
 * before the lab, so that a client that is late says something about the cluster.
 */
export function spawnApart(argv: readonly string[], stdio: StdioOptions, timeout?: number): ChildProcess {
  const [program = '', ...args] = argv;
  const child = spawn(program, args, {
    stdio,
    detached: true,
    ...(timeout === undefined ? {} : { timeout }),
  });
  const group = `/proc/${child.pid ?? 0}/autogroup`;
  if (existsSync(group)) writeFileSync(group, '-10');
  return child;
}
