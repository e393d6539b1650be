import { spawn } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { shortenedTimings, startCluster, type HollowCluster } from '../src/hollow/index.js';
import { compiled } from '../test/hollow/compiled.js';
import { used, type Used } from './used.js';
import { waits, type TimedRecord } from './waits.js';

/**
 * One rotation of a hollow cluster of 3 masters and 2 agents in shortened time: whose CPU it takes. Prints figures and
 * judges nothing; resolves to keyroll's exit code.
 * @param more flags for keyroll, such as `--no-probe`
 */
export async function hollow(more: readonly string[]): Promise<number> {
  const { main } = compiled();
  const begun = used();
  const cluster = await startCluster({
    ...{ masters: 3, agents: 2, timings: shortenedTimings, projectedTokens: false },
    keys: { type: 'ec', curve: 'prime256v1' },
    watchdogDelayMs: 5_000,
  });
  try {
    const before = used();
    const { code, seconds } = await keyroll(main, cluster, more);
    const after = used();
    const scripts = after.children - before.children - seconds;
    const standIns = after.own - before.own;
    const { requests, failed } = cluster.calls;
    console.log(
      `\nthe cluster came up in ${figure(before.at - begun.at)} s, with ${cpu(begun, before)} s of CPU`,
    );
    console.log(`the rotation took ${figure(after.at - before.at)} s; s of CPU, user and system:`);
    console.log(`  keyroll     ${figure(seconds)}`);
    console.log(`  stand-ins   ${figure(standIns)}`);
    console.log(`  scripts     ${figure(scripts)}`);
    console.log(`  in all      ${figure(seconds + standIns + scripts)}`);
    console.log(
      `processes and threads started on this computer meanwhile: ${after.started - before.started}`,
    );
    console.log(`calls of the cluster's workloads: ${requests}, failed: ${failed}`);
    console.log(`\nstep by step:\n${waits(journalBelow(cluster.operatorFolder)).join('\n')}`);
    return code;
  } finally {
    await cluster.stop();
  }
}

/** Records of the one rotation that an operator's folder holds. */
function journalBelow(folder: string): TimedRecord[] {
  const state = join(folder, '_keyroll');
  const [rotation = ''] = readdirSync(state).filter((name) => /^\d{8}-/.test(name));
  const lines = readFileSync(join(state, rotation, 'journal.jsonl'), 'utf8')
    .trim()
    .split('\n');
  return lines.map((line) => JSON.parse(line) as TimedRecord);
}

function cpu(from: Used, to: Used): string {
  return figure(to.own - from.own + to.children - from.children);
}

function figure(seconds: number): string {
  return seconds.toFixed(1).padStart(5);
}

/** A shell waits for keyroll, and tells what its children have used. */
function keyroll(
  main: string,
  { modelFile, ssh, operatorFolder, mark }: HollowCluster,
  more: readonly string[],
): Promise<{ code: number; seconds: number }> {
  const child = spawn(
    '/bin/sh',
    [
      ...['-c', '"$@" >&2; code=$?; times; exit $code', 'bench', process.execPath, main, 'rotate-certs'],
      ...['--api-model', modelFile, '--ssh-host', ssh.host, '--ssh-port', String(ssh.port)],
      ...['--linux-ssh-private-key', ssh.keyFile, '--known-hosts', ssh.knownHosts, '--strict-host-keys'],
      ...['--yes', ...more],
    ],
    { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, HOME: operatorFolder, ...mark } },
  );
  let told = '';
  child.stdout.on('data', (bytes: Buffer) => (told += bytes.toString()));
  return new Promise((resolve) =>
    child.on('close', (code) => resolve({ code: code ?? 1, seconds: secondsOf(told) })),
  );
}

/** `0m1.25s 0m0.31s` in the last line: user and system time of the children. */
function secondsOf(times: string): number {
  const last = times.trim().split('\n').at(-1) ?? '';
  return [...last.matchAll(/(\d+)m([\d.]+)s/g)].reduce(
    (sum, [, minutes, seconds]) => sum + 60 * Number(minutes) + Number(seconds),
    0,
  );
}
