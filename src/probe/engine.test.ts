import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';

import { Engine } from './engine.js';
import { FakeApi } from './testing/fake-api.js';
import { makeCa, type TestCa } from './testing/identities.js';
import type { ClassConfig, ClassStats, Credentials, ProbeConfig } from './types.js';

vi.setConfig({ testTimeout: 180_000, hookTimeout: 60_000 });

const NAMESPACE = 'keyroll-probe';
let ca: TestCa;
let otherCa: TestCa;
let admin: Credentials;
const open: { stop(): Promise<void> | void }[] = [];

beforeAll(async () => {
  ca = await makeCa('old');
  otherCa = await makeCa('new');
  admin = await ca.credentials();
});

afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.stop();
});

async function api(): Promise<FakeApi> {
  const started = await FakeApi.start(await ca.server(['127.0.0.1']), ca.pem);
  open.push(started);
  return started;
}

function engine(config: ProbeConfig): Engine {
  const made = new Engine({ startTimeoutMs: 20_000, ...config });
  open.push({ stop: () => made.close() });
  return made;
}

function reads(kind: 'fresh' | 'kept-http1' | 'kept-http2', server: FakeApi, more: object = {}): ClassConfig {
  const base = { name: kind, targets: [{ server: server.url }], credentials: admin, path: '/version' };
  return { kind, ratePerSecond: 25, connections: 1, ...base, ...more };
}

function writes(server: FakeApi, more: object = {}): ClassConfig[] {
  const base = { targets: [{ server: server.url }], credentials: admin };
  return [
    { kind: 'watch', name: 'watch', of: 'write', ...base },
    {
      kind: 'write',
      name: 'write',
      namespace: NAMESPACE,
      ratePerSecond: 50,
      keysPerObject: 8,
      ...base,
      ...more,
    },
  ];
}

/** Waits until the figures of a class satisfy; bounded by the test's own time. */
async function until(
  probe: Engine,
  name: string,
  satisfied: (stats: ClassStats) => boolean,
): Promise<ClassStats> {
  for (;;) {
    const stats = figures(probe, name);
    if (satisfied(stats)) return stats;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

function figures(probe: Engine, name: string): ClassStats {
  const stats = probe.stats().classes[name];
  if (stats === undefined) throw new Error(`no class ${name}`);
  return stats;
}

const ran = (count: number) => (stats: ClassStats) => stats.requests >= count;

describe('open loop', () => {
  it('sends at fixed times whether or not answers come, and counts the one that hangs once', async () => {
    const server = await api();
    const probe = engine({ classes: [reads('fresh', server)], timeoutMs: 2000 });
    await probe.begin();
    await until(probe, 'fresh', ran(5));
    const before = figures(probe, 'fresh');
    let visits = 0;
    server.mischief = () => (visits += 1) === 1;
    const stats = await until(probe, 'fresh', ({ failures }) =>
      failures.some(({ latencyMs }) => latencyMs >= 2000),
    );
    expect(stats.failures.map(({ error }) => error)).toContain('no answer in 2000 ms (sent)');
    expect(stats.longestLatencyMs).toBeGreaterThanOrEqual(2000);
    // 25 a second, of which a machine that stands still may skip some.
    const due = stats.requests + stats.skipped - before.requests - before.skipped;
    expect(due).toBeGreaterThanOrEqual(40);
  });

  it('measures the gap while nothing is answered', async () => {
    const server = await api();
    const probe = engine({ classes: [reads('kept-http2', server)] });
    await probe.begin();
    await until(probe, 'kept-http2', ran(5));
    await server.stop();
    open.splice(open.indexOf(server), 1);
    const stats = await until(
      probe,
      'kept-http2',
      ({ longestGapMs, failed }) => longestGapMs > 700 && failed > 3,
    );
    expect(stats.longestGapAt).toBeDefined();
  });
});

describe('write and watch', () => {
  it('find everything where nothing is lost', async () => {
    const server = await api();
    const probe = engine({ classes: writes(server) });
    await probe.begin();
    await until(probe, 'write', ran(40));
    expect(server.maps.size).toBeGreaterThan(3);
    const { write, watch } = (await probe.finish()).classes;
    expect(write).toMatchObject({ failed: 0, lost: 0, lostKeys: [] });
    expect(write?.acknowledged).toBeGreaterThanOrEqual(35);
    expect(watch).toMatchObject({ failed: 0, missed: 0, reestablished: 0 });
    expect(watch?.events).toBeGreaterThanOrEqual(write?.acknowledged ?? 0);
    expect(server.maps.size).toBe(0);
  });

  it('name the acknowledged write that is lost', async () => {
    const server = await api();
    server.loses = (key) => key === 'w7';
    const probe = engine({ classes: writes(server) });
    await probe.begin();
    await until(probe, 'write', ran(30));
    const { write } = (await probe.finish()).classes;
    expect(write).toMatchObject({ failed: 0, lost: 1 });
    expect(write?.lostKeys?.[0]).toMatch(/^keyroll-probe-.*\/w7$/);
  });

  it('leave the lost ones unknown when nothing can be read back', async () => {
    const server = await api();
    const probe = engine({ classes: writes(server), readBackTimeoutMs: 1500 });
    await probe.begin();
    await until(probe, 'write', ran(5));
    probe.setCredentials('write', { ...admin, ca: otherCa.pem }, true);
    await probe.stopClass('write');
    server.mischief = ({ response, method }) =>
      method === 'GET' && (response.writeHead(200).end('no JSON'), true);
    const { write } = (await probe.finish()).classes;
    expect(write).not.toHaveProperty('lost');
    expect(write?.readBackError).toBeTruthy();
  }, 60_000);

  it('count the event that never comes as missed and as a failure', async () => {
    const server = await api();
    server.dropsEvent = (key) => key === 'w5';
    const probe = engine({ classes: writes(server) });
    await probe.begin();
    await until(probe, 'write', ran(20));
    const { watch, write } = (await probe.finish()).classes;
    expect(watch).toMatchObject({ missed: 1, failed: 1 });
    expect(watch?.failures[0]?.error).toContain('no event of an acknowledged write');
    expect(write).toMatchObject({ failed: 0, lost: 0 });
  });

  it('miss nothing when the watch is cut and established again', async () => {
    const server = await api();
    const probe = engine({ classes: writes(server) });
    await probe.begin();
    for (const count of [1, 2, 3]) {
      await until(probe, 'write', ran(count * 10));
      await until(probe, 'watch', () => server.watching === 1);
      server.endWatches();
      await until(probe, 'watch', ({ reestablished }) => reestablished === count);
    }
    await until(probe, 'write', ran(40));
    const { watch } = (await probe.finish()).classes;
    expect(watch).toMatchObject({ failed: 0, missed: 0, reestablished: 3 });
  });

  it('count a watch whose history is gone, and what it missed', async () => {
    const server = await api();
    const probe = engine({ classes: writes(server) });
    await probe.begin();
    await until(probe, 'write', ran(10));
    server.oldestVersion = 1e9;
    server.endWatches();
    await until(probe, 'watch', ({ failed }) => failed >= 1);
    await until(probe, 'write', ran(30));
    server.oldestVersion = 0;
    const { watch } = (await probe.finish()).classes;
    expect(watch?.failures[0]?.error).toContain('HTTP 410');
    expect(watch?.missed).toBeGreaterThan(0);
  });

  it('accept that a creation sent twice exists already', async () => {
    const server = await api();
    let cut = 0;
    const probe = engine({ classes: writes(server, { transport: 'kept-http1', ratePerSecond: 20 }) });
    await probe.begin();
    server.mischief = ({ method, response, raw, turn }) => {
      if (method !== 'POST' || cut > 2 || turn < 2) return false;
      // It does its work and loses its answer.
      cut += 1;
      response.writeHead = () => response;
      response.end = () => {
        raw.destroy();
        return response;
      };
      return false;
    };
    await until(probe, 'write', () => cut > 0);
    const { write, watch } = (await probe.finish()).classes;
    expect(write).toMatchObject({ failed: 0, lost: 0 });
    expect(write?.resent).toBeGreaterThan(0);
    expect(watch).toMatchObject({ missed: 0 });
  });
});

describe('configuration', () => {
  it('names two classes of one name, a watch of nothing, an unknown class and unreadable PEM', async () => {
    const server = await api();
    const one = reads('fresh', server);
    expect(() => engine({ classes: [one, one] })).toThrow('two probe classes are called fresh');
    expect(() => engine({ classes: writes(server).slice(0, 1) })).toThrow('"of" must name a write class');
    expect(() => engine({ classes: [{ ...one, credentials: { cert: 'x', key: 'y' } }] })).toThrow(
      'class fresh',
    );
    const probe = engine({ classes: [one] });
    await expect(probe.startClass('other')).rejects.toThrow('no probe class is called other');
    expect(() => probe.setCredentials('fresh', { cert: 'x' }, false)).toThrow('credentials cannot be used');
  });

  it('starts and stops classes at any time', async () => {
    const server = await api();
    const probe = engine({
      classes: [reads('fresh', server, { autostart: false }), reads('kept-http2', server)],
    });
    await probe.begin();
    expect(figures(probe, 'fresh')).toMatchObject({ running: false, requests: 0 });
    await probe.startClass('fresh');
    await until(probe, 'fresh', ran(5));
    await probe.stopClass('fresh');
    const { requests } = figures(probe, 'fresh');
    await until(probe, 'kept-http2', ran(figures(probe, 'kept-http2').requests + 10));
    expect(figures(probe, 'fresh')).toMatchObject({ running: false, requests });
    await probe.startClass('fresh');
    await until(probe, 'fresh', ran(requests + 3));
    expect(figures(probe, 'fresh').failed).toBe(0);
  });
});
