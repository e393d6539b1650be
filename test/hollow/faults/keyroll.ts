import { spawn, type ChildProcess } from 'node:child_process';
import { dirname, join } from 'node:path';
import type { HollowCluster } from '../../../src/hollow/index.js';
import { compiled } from '../compiled.js';
import { note } from '../keyroll.js';
import type { Place } from './place.js';

/** How a run of keyroll ended. */
export interface Ended {
  /** null: a signal ended it. */
  readonly code: number | null;
  readonly killed: boolean;
  readonly output: string;
}

/** A run of keyroll that is under way. */
export interface Run {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** What it has said so far. */
  output(): string;
}

export interface How {
  readonly killAt?: Place;
  /** Another model, and so another folder of rotations. */
  readonly modelFile?: string;
}

/** The flags by which keyroll reaches a cluster. */
export function clusterArgs({ modelFile, ssh }: HollowCluster, model = modelFile): string[] {
  return [
    ...['--api-model', model, '--ssh-host', ssh.host, '--ssh-port', String(ssh.port)],
    ...['--linux-ssh-private-key', ssh.keyFile, '--known-hosts', ssh.knownHosts, '--strict-host-keys'],
  ];
}

/** Starts keyroll as its users do, in a process of its own. */
export function start(cluster: HollowCluster, args: readonly string[], how: How = {}): Run {
  const [command = '', ...rest] = args;
  const state = join(dirname(how.modelFile ?? cluster.modelFile), '_keyroll');
  const kill = how.killAt && { KEYROLL_TEST_KILL: JSON.stringify({ ...how.killAt, state }) };
  const { main, killAt } = compiled();
  const child = spawn(
    process.execPath,
    [
      ...[...(kill ? ['--import', killAt] : []), main],
      ...[command, ...clusterArgs(cluster, how.modelFile), ...rest],
    ],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, HOME: cluster.operatorFolder, ...cluster.mark, ...kill },
    },
  );
  let output = '';
  note(`\n$ keyroll ${args.join(' ')} ${JSON.stringify(how)}\n`);
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (bytes: Buffer) => {
      output += bytes.toString();
      note(bytes);
    });
  const ended = new Promise<Ended>((resolve) =>
    child.on('close', (code, signal) => resolve({ code, killed: signal === 'SIGKILL', output })),
  );
  return { child, ended, output: () => output };
}

/** keyroll from its start to its end. */
export function keyroll(cluster: HollowCluster, args: readonly string[], how: How = {}): Promise<Ended> {
  return start(cluster, args, how).ended;
}
