import { spawn } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { HollowCluster } from '../../src/hollow/index.js';
import type { StackBehind } from './azure-flags.js';
import { compiled } from './compiled.js';

/** How a run of keyroll ended, and all that it said. */
export interface Ended {
  /** null: a signal ended it. */
  readonly code: number | null;
  readonly output: string;
}

interface Where {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly when?: When;
}

/** Something is done once, as soon as keyroll has said this; it may be sent a signal. */
export interface When {
  readonly said: string;
  readonly act: (kill: (signal: NodeJS.Signals) => void) => Promise<void> | void;
}

/** keyroll as users run it, in a process of its own, without a terminal. Rejects when what was to be done failed. */
async function run(args: readonly string[], { cwd, env, when }: Where = {}): Promise<Ended> {
  const child = spawn(process.execPath, [compiled().main, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
    ...(cwd === undefined ? {} : { cwd }),
  });
  let output = '';
  let acted: Promise<void> | undefined;
  const act = async (): Promise<void> => when?.act((signal) => child.kill(signal));
  child.stdout.on('data', (bytes: Buffer) => {
    output += bytes.toString();
    note(bytes);
    if (when !== undefined && output.includes(when.said)) acted ??= act();
    // It is awaited when the run has ended.
    acted?.catch(() => undefined);
  });
  child.stderr.on('data', (bytes: Buffer) => {
    output += bytes.toString();
    note(bytes);
  });
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  await acted;
  return { code, output };
}

/** Who looks for a mistake wants to see what all runs say: KEYROLL_TEST_LOG names a file for it. */
export function note(text: string | Buffer): void {
  const file = process.env['KEYROLL_TEST_LOG'];
  if (file !== undefined) appendFileSync(file, text);
}

/**
 * keyroll on a hollow cluster; resolves to its exit code and all that it said.
 * @param killedAt what it says when it is killed; left out: it is not
 */
export function keyroll(
  { modelFile, ssh }: HollowCluster,
  command: readonly string[],
  killedAt?: string,
): Promise<Ended> {
  const args = [
    ...[...command, '--api-model', modelFile, '--ssh-host', ssh.host],
    ...['--ssh-port', String(ssh.port), '--linux-ssh-private-key', ssh.keyFile],
    ...['--known-hosts', ssh.knownHosts, '--strict-host-keys', '--yes'],
  ];
  return run(
    args,
    killedAt === undefined ? {} : { when: { said: killedAt, act: (kill) => kill('SIGKILL') } },
  );
}

/** What a command line of aks-engine's is run with beside it: nothing of that is on it. */
export interface Beside {
  /** Where the report goes. */
  readonly report: string;
  /** More of keyroll's own, by environment variable. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly when?: When;
}

/**
 * An operator's script that was written for `aks-engine rotate-certs`, with all of its flags and the program's name alone
 * changed: a relative path of the model, a key in the home folder that no shell expands, no terminal, no `--yes`. What
 * a hollow cluster needs besides (port 22 is not free for it, its host keys) comes by the environment.
 */
export function likeAksEngine(
  { operatorFolder, modelFile, ssh, mark }: HollowCluster,
  { args, environment }: StackBehind,
  { report, environment: more, when }: Beside,
  further: readonly string[] = [],
): Promise<Ended> {
  const command = [
    ...['rotate-certs', '--api-model', basename(modelFile), '--ssh-host', ssh.host],
    ...['--linux-ssh-private-key', join('~', basename(ssh.keyFile)), ...args],
    ...['--language', 'en-us', '--debug', ...further],
  ];
  const ours = {
    KEYROLL_SSH_PORT: String(ssh.port),
    KEYROLL_KNOWN_HOSTS: ssh.knownHosts,
    KEYROLL_STRICT_HOST_KEYS: 'true',
    KEYROLL_REPORT: report,
  };
  return run(command, {
    cwd: operatorFolder,
    env: { HOME: operatorFolder, ...mark, ...environment, ...ours, ...more },
    ...(when === undefined ? {} : { when }),
  });
}
