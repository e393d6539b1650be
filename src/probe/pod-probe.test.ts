import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';

import { delay } from './delay.js';
import { mergePodResults } from './pod-results.js';
import { TlsFront } from './testing/tls-front.js';
import { makeCa, type TestCa } from './testing/identities.js';
import type { ClassStats } from './types.js';

vi.setConfig({ testTimeout: 180_000, hookTimeout: 60_000 });

const PROGRAM = fileURLToPath(new URL('../node/pod-probe.py', import.meta.url));
const python = spawnSync('python3', ['--version']).status === 0;
const UID = '5c7c6b7e';
const TOKEN = 'first-token';

let ca: TestCa;
let folder: string;
let front: TlsFront;
let program: ChildProcess | undefined;
let tokens: string[];

beforeAll(async () => {
  ca = await makeCa('old');
});

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keyroll-pod-probe-'));
  tokens = [];
  front = await TlsFront.start(await ca.server(['127.0.0.1']), (request, response) => {
    tokens.push(request.headers.authorization ?? '');
    response.end('{"kind":"ConfigMap"}');
  });
  await writeFile(join(folder, 'token'), TOKEN);
  await writeFile(join(folder, 'ca.crt'), ca.pem);
});

afterEach(async () => {
  program?.kill('SIGKILL');
  await front.stop();
  await rm(folder, { recursive: true });
});

/** Runs the program against the front; `timeout` in seconds. */
function run(timeout = 5): void {
  program = spawn('python3', ['-B', PROGRAM], {
    stdio: 'inherit',
    env: {
      PATH: process.env['PATH'],
      KUBERNETES_SERVICE_HOST: '127.0.0.1',
      KUBERNETES_SERVICE_PORT: String(front.port),
      PROBE_PATH: '/api/v1/namespaces/keyroll-probe/configmaps/pod-probe-target',
      PROBE_ACCOUNT: folder,
      PROBE_OUT: folder,
      PROBE_TIMEOUT: String(timeout),
      POD_UID: UID,
      NODE_NAME: 'node-1',
    },
  });
}

async function results(): Promise<ClassStats> {
  const text = await readFile(join(folder, `${UID}.jsonl`), 'utf8').catch(() => '');
  return mergePodResults({ [UID]: text });
}

async function until(satisfied: (stats: ClassStats) => boolean): Promise<ClassStats> {
  for (;;) {
    const stats = await results();
    if (satisfied(stats)) return stats;
    await delay(50);
  }
}

/** SIGTERM, and the exit code. */
async function end(): Promise<number | null> {
  const child = program;
  if (child === undefined) throw new Error('nothing runs');
  const exited = new Promise<number | null>((resolve) => child.on('exit', resolve));
  child.kill('SIGTERM');
  return await exited;
}

describe.skipIf(!python)('pod-probe.py (needs python3)', () => {
  it('asks by turns on new and kept connections, and ends by SIGTERM with 0', async () => {
    run();
    await until(({ requests }) => requests >= 20);
    expect(await end()).toBe(0);
    const stats = await results();
    expect(stats).toMatchObject({ failed: 0, resent: 0, failures: [] });
    expect(stats.requests).toBe(tokens.length);
    expect(front.connections).toBeLessThan(tokens.length);
    expect(front.connections).toBeGreaterThanOrEqual(tokens.length / 4);
    expect(new Set(tokens)).toEqual(new Set([`Bearer ${TOKEN}`]));
  });

  it('reads one in four through etcd’s quorum, the others from the watch cache', async () => {
    const cached: boolean[] = [];
    front.serve = (request, response) => {
      cached.push(request.url?.endsWith('/pod-probe-target?resourceVersion=0') ?? false);
      response.end('{}');
    };
    run();
    await until(({ requests }) => requests >= 20);
    expect(await end()).toBe(0);
    const quorum = cached.filter((each) => !each).length;
    expect(Math.abs(quorum - cached.length / 4)).toBeLessThanOrEqual(1);
  });

  it('reads a changed token again, but not a changed CA', async () => {
    run();
    await until(({ requests }) => requests >= 5);
    await writeFile(join(folder, 'next'), 'second-token\n');
    await rename(join(folder, 'next'), join(folder, 'token'));
    await writeFile(join(folder, 'ca.crt'), (await makeCa('new')).pem);
    const { requests } = await until(() => tokens.includes('Bearer second-token'));
    await until((stats) => stats.requests >= requests + 10);
    expect((await results()).failed).toBe(0);
  });

  it('does not take time in which it stood still itself for time without an answer', async () => {
    front.serve = (_request, response) => void setTimeout(() => response.end('{}'), 200);
    run(2);
    await until(({ requests }) => requests >= 10);
    program?.kill('SIGSTOP');
    await delay(4000);
    program?.kill('SIGCONT');
    const { requests } = await until(({ stalledMs }) => (stalledMs ?? 0) > 3000);
    const stats = await until((now) => now.requests >= requests + 10);
    expect(stats.failures).toEqual([]);
  });

  it('counts a 500, a reset in the middle and a hang as failures, once each', async () => {
    run(2);
    await until(({ requests }) => requests >= 5);
    let visits = 0;
    front.serve = (request, response) => {
      visits += 1;
      if (visits === 1) response.writeHead(500).end('etcdserver: leader changed');
      else if (visits === 2) cutShort(request, response);
      else if (visits !== 3) response.end('{}');
    };
    const stats = await until(({ failures }) => failures.length >= 3);
    await until(({ requests }) => requests >= stats.requests + 10);
    const { failures } = await results();
    const errors = failures.map(({ error }) => error).join('\n');
    expect(failures).toHaveLength(3);
    expect(errors).toContain('HTTP 500: etcdserver: leader changed');
    expect(errors).toContain('closed before the end of the answer');
    expect(errors).toContain('no answer in 2 s');
  });

  it('sends again what a kept connection closed untouched, and counts it apart', async () => {
    const turns = new Map<object, number>();
    front.serve = (request, response) => {
      const turn = (turns.get(request.socket) ?? 0) + 1;
      turns.set(request.socket, turn);
      if (turn === 4) request.socket.destroy();
      else response.end('{}');
    };
    run();
    const stats = await until(({ resent }) => resent >= 2);
    expect(stats.failures).toEqual([]);
  });

  it('counts a close on a new connection as a failure, and never sends it again', async () => {
    front.serve = (request) => request.socket.destroy();
    run();
    const stats = await until(({ failed }) => failed >= 6);
    expect(stats.resent).toBe(0);
  });

  it('understands answers in chunks', async () => {
    front.serve = (_request, response) => {
      response.write('{"kind":');
      response.end('"ConfigMap"}');
    };
    run();
    expect((await until(({ requests }) => requests >= 10)).failed).toBe(0);
  });

  it.each([
    ['another CA', async () => (await makeCa('stranger')).server(['127.0.0.1'])],
    ['another address', async () => ca.server(['127.0.0.2', 'localhost'])],
    ['an expired certificate', async () => ca.server(['127.0.0.1'], 'expired')],
  ])('refuses %s', async (_what, pair) => {
    front.present(await pair());
    run();
    await until(({ failed }) => failed >= 5);
    await end();
    const stats = await results();
    expect(stats.failures[0]?.error).toMatch(/CERTIFICATE_VERIFY_FAILED|CertificateError/i);
    expect(stats.requests).toBe(stats.failed);
  });
});

function cutShort(request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(200, { 'content-length': '1000' });
  response.write('half');
  setTimeout(() => request.socket.destroy(), 300);
}
