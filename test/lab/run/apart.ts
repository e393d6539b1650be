import { spawn, type ChildProcess, type StdioOptions } from 'node:child_process';

/**
 * Starts a program that stands for another machine: the operator's, or a client's. It gets a session of its own, which
 * the scheduler weighs apart from the other programs of a test, so that what one of them computes does not make another
 * one late. It has no precedence over the lab: on few processors that would starve the cluster.
 */
export function spawnApart(argv: readonly string[], stdio: StdioOptions, timeout?: number): ChildProcess {
  const [program = '', ...args] = argv;
  return spawn(program, args, { stdio, detached: true, ...(timeout === undefined ? {} : { timeout }) });
}
