import { spawn } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command, InvalidArgumentError, Option } from 'commander';
import { exitCodes } from './exit-codes.js';
import { path } from './flags.js';
import type { HollowCluster } from '../hollow/index.js';

interface Flags {
  masters: string;
  agents: number;
  keep: boolean;
  report: string;
}

/** `keyroll demo`: a rotation of a hollow cluster, which needs nothing but this computer. */
export function demoCommand(): Command {
  return new Command('demo')
    .description('Rotate a hollow cluster: the real program and protocols, with stand-ins for the daemons')
    .addOption(new Option('--masters <n>', 'how many masters').choices(['1', '3', '5']).default('3'))
    .option('--agents <n>', 'how many agents', count, 2)
    .option('--keep', 'leave the cluster up until Ctrl-C', false)
    .option('--report <file>', 'write the report there as JSON', path, path('out/demo-report.json'))
    .action(async (flags: Flags) => {
      // Whatever the stand-ins still wait for: the cluster is gone.
      process.exit(await demo(flags));
    });
}

function count(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0 || value > 50)
    throw new InvalidArgumentError('expected a number from 0 to 50.');
  return value;
}

const hollow =
  'This cluster is hollow: keyroll, TLS, SSH, HTTP, files and scripts are real, the daemons are stand-ins in one process. `make demo-real` shows the same on a real cluster.';

/** Cluster, rotation, report; resolves to keyroll's exit code. */
async function demo(flags: Flags): Promise<number> {
  if (process.platform !== 'linux') {
    console.error(
      `keyroll demo: this is ${process.platform}; a hollow cluster needs Linux (all of 127.0.0.0/8, /proc, named pipes), which WSL and any container have`,
    );
    return exitCodes.blocked;
  }
  console.log(hollow);
  const { startCluster, shortenedTimings } = await import('../hollow/index.js');
  const begun = Date.now();
  console.log(`\n${flags.masters} masters and ${flags.agents} agents come up`);
  const cluster = await startCluster(
    {
      masters: Number(flags.masters),
      agents: flags.agents,
      timings: shortenedTimings,
      keys: { type: 'ec', curve: 'prime256v1' },
      watchdogDelayMs: 5_000,
      projectedTokens: false,
    },
    (line) => console.log(`  ${seconds(begun)} s  ${line}`),
  );
  const interrupted = untilInterrupted();
  const over = new AbortController();
  try {
    const command = rotateCommand(cluster, flags.report);
    console.log(`\nrotates it, as its operator would:\n  ${command.map(readable).join(' ')}\n`);
    const code = await Promise.race([run(command, flags.report, cluster, over.signal), interrupted]);
    console.log(`\nThe report: ${flags.report}   (${seconds(begun)} s in all)`);
    const { requests, failed } = cluster.calls;
    console.log(
      `The workloads of the cluster called its API ${requests} times meanwhile; ${failed} calls failed.`,
    );
    if (flags.keep) {
      console.log(
        `\nThe cluster stays up until Ctrl-C (${cluster.folder}). To rotate it by hand:\n  ${command.map(readable).join(' ')}`,
      );
      console.log(`\n${hollow}`);
      await interrupted;
    } else console.log(`\n${hollow}`);
    return code;
  } finally {
    over.abort();
    await cluster.stop();
  }
}

function rotateCommand({ modelFile, ssh }: HollowCluster, report: string): string[] {
  const main = fileURLToPath(new URL('./main.js', import.meta.url));
  return [
    ...[process.execPath, main, 'rotate-certs', '--api-model', modelFile, '--ssh-host', ssh.host],
    ...[
      '--ssh-port',
      String(ssh.port),
      '--linux-ssh-private-key',
      ssh.keyFile,
      '--known-hosts',
      ssh.knownHosts,
    ],
    ...['--strict-host-keys', '--report', report, '--yes'],
  ];
}

/**
 * keyroll in a process of its own, as it always is; resolves to its exit code. Nothing of the user's home counts here.
 * Ctrl-C is for the demo, whose end is its end too.
 */
function run(
  [program = '', ...args]: readonly string[],
  report: string,
  { operatorFolder, mark }: HollowCluster,
  over: AbortSignal,
): Promise<number> {
  mkdirSync(dirname(report), { recursive: true });
  // What an earlier run left must not pass for this one's.
  rmSync(report, { force: true });
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      stdio: ['ignore', 'inherit', 'inherit'],
      env: { ...process.env, HOME: operatorFolder, ...mark },
      detached: true,
      signal: over,
      killSignal: 'SIGKILL',
    });
    child.on('error', reject);
    child.on('exit', (code) => resolve(code ?? exitCodes.unexpected));
  });
}

/** Resolves at Ctrl-C or when somebody asks this process to end. */
function untilInterrupted(): Promise<number> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
      process.once(signal, () => resolve(exitCodes.unexpected));
  });
}

function seconds(since: number): string {
  return ((Date.now() - since) / 1000).toFixed(1);
}

function readable(word: string): string {
  return word === process.execPath ? 'node' : word;
}
