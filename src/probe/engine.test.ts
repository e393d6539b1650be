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

describe.each(['fresh', 'kept-http1', 'kept-http2'] as const)('%s', (kind) => {
  it('counts nothing but successes against a healthy server', async () => {
    const server = await api();
    const probe = engine({ classes: [reads(kind, server)] });
    await probe.begin();
    await until(probe, kind, ran(30));
    const stats = (await probe.finish()).classes[kind];
    expect(stats).toMatchObject({ failed: 0, resent: 0, skipped: 0, failures: [], running: false });
    expect(stats?.longestGapMs).toBeGreaterThan(10);
    if (kind === 'fresh') expect(server.connections).toBeGreaterThanOrEqual(30);
    else expect(server.connections).toBeLessThan(30);
  });

  it.each(['reset', 'close'] as const)('counts a %s in the middle of an answer as a failure', async (how) => {
    const server = await api();
    const probe = engine({ classes: [reads(kind, server)] });
    await probe.begin();
    // A reset may overtake the bytes that were sent before it, so it is tried until one of them has come.
    server.mischief = ({ response, raw }) => {
      if (figures(probe, kind).failed > 0) return false;
      response.writeHead(200, { 'content-length': '1000' });
      response.write('half');
      setTimeout(() => (how === 'reset' ? raw.resetAndDestroy() : raw.destroy()), 200);
      return true;
    };
    const stats = await until(probe, kind, ({ failed }) => failed > 0);
    expect(stats.failures[0]?.error).toMatch(/ECONNRESET|middle of the answer/);
  });

  it('counts a 500 as a failure and names what the server said', async () => {
    const server = await api();
    const probe = engine({ classes: [reads(kind, server)] });
    await probe.begin();
    server.mischief = ({ response, connection }) => {
      if (connection === 0 || figures(probe, kind).failed > 0) return false;
      response.writeHead(500);
      response.end(JSON.stringify({ message: 'etcdserver: leader changed' }));
      return true;
    };
    const stats = await until(probe, kind, ({ failed }) => failed > 0);
    expect(stats.failures[0]?.error).toBe('HTTP 500: etcdserver: leader changed');
    expect(stats.failures[0]?.via).toContain('127.0.0.1:');
  });

  it('counts no answer in time as a failure, and sends the others at their times', async () => {
    const server = await api();
    const probe = engine({ classes: [reads(kind, server)], timeoutMs: 2000 });
    await probe.begin();
    await until(probe, kind, ran(5));
    const before = figures(probe, kind);
    let visits = 0;
    server.mischief = () => (visits += 1) === 1;
    const stats = await until(probe, kind, ({ failed }) => failed > 0);
    expect(stats.failed).toBe(1);
    expect(stats.failures[0]?.error).toBe('no answer in 2000 ms');
    expect(stats.longestLatencyMs).toBeGreaterThanOrEqual(2000);
    // 25 a second, of which a machine that stands still may skip some.
    const due = stats.requests + stats.skipped - before.requests - before.skipped;
    expect(due).toBeGreaterThanOrEqual(45);
    await until(probe, kind, ran(stats.requests + 20));
    expect(figures(probe, kind).failed).toBe(1);
  });

  it('counts a refused connection as a failure', async () => {
    const server = await api();
    const probe = engine({ classes: [reads(kind, server)] });
    await probe.begin();
    await until(probe, kind, ran(5));
    await server.stop();
    open.splice(open.indexOf(server), 1);
    await until(probe, kind, ({ failures }) => failures.some(({ error }) => error.includes('ECONNREFUSED')));
    await until(probe, kind, ({ longestGapMs }) => longestGapMs > 300);
  });

  it('counts a certificate of another CA, or one that expired, as a failure', async () => {
    const server = await api();
    const probe = engine({ classes: [reads(kind, server)] });
    await probe.begin();
    await until(probe, kind, ran(5));
    server.present({ ...(await otherCa.server(['127.0.0.1'])) });
    server.mischief = ({ raw, turn }) => {
      if (turn > 1) raw.destroy();
      return turn > 1;
    };
    const stats = await until(probe, kind, ({ failed }) => failed > 0);
    expect(stats.failures[0]?.error).toMatch(/UNABLE_TO_VERIFY_LEAF_SIGNATURE|SELF_SIGNED/);
    server.present({ ...(await ca.server(['127.0.0.1'], 'expired')) });
    await until(probe, kind, ({ failures }) =>
      failures.some(({ error }) => error.includes('CERT_HAS_EXPIRED')),
    );
  });

  it('counts a certificate of another name as a failure', async () => {
    const server = await api();
    server.present(await ca.server(['other.example']));
    const probe = engine({ classes: [reads(kind, server)], startTimeoutMs: 700 });
    await expect(probe.begin()).rejects.toThrow(
      new RegExp(`probe class ${kind}: unreachable: .*ERR_TLS_CERT_ALTNAME_INVALID`),
    );
  });

  it('takes new credentials for new connections', async () => {
    const server = await api();
    const probe = engine({ classes: [reads(kind, server)] });
    await probe.begin();
    await until(probe, kind, ran(5));
    await probe.stopClass(kind);
    server.present(await otherCa.server(['127.0.0.1']));
    probe.setCredentials(kind, { ...admin, ca: `${otherCa.pem}\n${ca.pem}` }, true);
    const { connections } = server;
    await probe.startClass(kind);
    await until(probe, kind, ran(figures(probe, kind).requests + 10));
    expect(figures(probe, kind)).toMatchObject({ failed: 0, resent: 0 });
    expect(server.connections).toBeGreaterThan(connections);
  });
});

describe.each(['kept-http1', 'kept-http2'] as const)('%s: what may be sent again', (kind) => {
  it.each(['close', 'reset'] as const)('sends again after a %s before any byte', async (how) => {
    const server = await api();
    const probe = engine({ classes: [reads(kind, server)] });
    await probe.begin();
    server.mischief = ({ raw, turn }) => {
      if (turn % 10 !== 0) return false;
      if (how === 'close') raw.destroy();
      else raw.resetAndDestroy();
      return true;
    };
    const stats = await until(probe, kind, ({ resent }) => resent >= 3);
    expect(stats.failures).toEqual([]);
  });

  it('counts a close before any byte on a connection without earlier answers as a failure', async () => {
    const server = await api();
    const probe = engine({ classes: [reads(kind, server)] });
    await probe.begin();
    let armed = false;
    server.mischief = ({ raw, turn }) => {
      armed ||= turn >= 10;
      if (armed) raw.destroy();
      return armed;
    };
    // Those that were on the old connection are sent again, and fail as well; after them nothing is.
    const stats = await until(probe, kind, ({ failed, resent }) => failed >= resent + 3);
    expect(stats.resent).toBeGreaterThanOrEqual(1);
  });

  it('opens a new connection without counting anything when an idle one was closed', async () => {
    const server = await api();
    const probe = engine({ classes: [reads(kind, server, { ratePerSecond: 3 })] });
    await probe.begin();
    server.mischief = ({ response, raw }) => {
      response.on('finish', () => setTimeout(() => raw.destroy(), 10));
      return false;
    };
    await until(probe, kind, ran(8));
    expect(server.connections).toBeGreaterThan(5);
    expect(figures(probe, kind)).toMatchObject({ failed: 0, resent: 0 });
  });

  it('counts one that is sent again and fails as resent and failed', async () => {
    const server = await api();
    const probe = engine({ classes: [reads(kind, server, { ratePerSecond: 5 })] });
    await probe.begin();
    await until(probe, kind, ran(3));
    let visits = 0;
    server.mischief = ({ response, raw }) => {
      visits += 1;
      if (visits === 1) raw.destroy();
      else response.writeHead(503).end('{}');
      return true;
    };
    const stats = await until(probe, kind, ({ failed }) => failed === 1);
    expect(stats.resent).toBe(1);
    expect(stats.failures[0]?.error).toMatch(/^HTTP 503/);
  });
});

describe('kept-http2 streams', () => {
  it('follows GOAWAY to a new connection without a failure', async () => {
    const server = await api();
    const probe = engine({ classes: [reads('kept-http2', server)] });
    await probe.begin();
    server.mischief = ({ request, turn }) => {
      // As Go does it: go away, but what is under way will be answered.
      if (turn % 10 === 0) request.stream.session?.goaway(0, 2 ** 31 - 1);
      return false;
    };
    await until(probe, 'kept-http2', ran(50));
    expect(server.connections).toBeGreaterThan(3);
    expect(figures(probe, 'kept-http2').failed).toBe(0);
  });

  it('sends a refused stream again', async () => {
    const server = await api();
    const probe = engine({ classes: [reads('kept-http2', server)] });
    await probe.begin();
    await until(probe, 'kept-http2', ran(5));
    let refused = 0;
    server.mischief = ({ request }) => {
      if ((refused += 1) > 1) return false;
      request.stream.close(7);
      return true;
    };
    const stats = await until(probe, 'kept-http2', ({ resent }) => resent === 1);
    expect(stats.failed).toBe(0);
  });

  it.each([2, 8])('counts a stream that the server resets with code %i as a failure', async (code) => {
    const server = await api();
    const probe = engine({ classes: [reads('kept-http2', server)] });
    await probe.begin();
    await until(probe, 'kept-http2', ran(5));
    let done = 0;
    server.mischief = ({ request }) => {
      if ((done += 1) > 1) return false;
      request.stream.close(code);
      return true;
    };
    const stats = await until(probe, 'kept-http2', ({ failed }) => failed === 1);
    expect(stats.resent).toBe(0);
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
    const probe = engine({ classes: writes(server), timeoutMs: 300 });
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
