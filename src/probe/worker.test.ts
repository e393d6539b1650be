import { afterEach, expect, it, vi } from 'vitest';

import { delay } from './delay.js';
import { ProbeError, startProbe, type ProbeStats } from './index.js';
import { FakeApi } from './testing/fake-api.js';
import { makeCa } from './testing/identities.js';

vi.setConfig({ testTimeout: 180_000, hookTimeout: 60_000 });

const open: { stop(): Promise<void> }[] = [];

afterEach(async () => {
  for (const one of open.splice(0)) await one.stop();
});

async function serverAndCredentials() {
  const ca = await makeCa('old');
  const server = await FakeApi.start(await ca.server(['127.0.0.1']), ca.pem);
  open.push(server);
  return { ca, server, credentials: await ca.credentials() };
}

const targets = (server: FakeApi) => [{ server: server.url }];

it('runs all kinds of classes in a thread, takes orders, and states its own cost', async () => {
  const { server, credentials } = await serverAndCredentials();
  const base = { targets: targets(server), credentials };
  const seen: ProbeStats[] = [];
  const probe = await startProbe(
    {
      classes: [
        { kind: 'fresh', name: 'fresh', path: '/version', ...base },
        { kind: 'fresh', name: 'later', path: '/version', autostart: false, ...base },
        { kind: 'kept-http1', name: 'http1', path: '/version', ...base },
        { kind: 'kept-http2', name: 'http2', path: '/version', ...base },
        { kind: 'watch', name: 'watch', of: 'write', ...base },
        { kind: 'write', name: 'write', namespace: 'n', ...base },
      ],
      statsEveryMs: 200,
      startTimeoutMs: 60_000,
    },
    (stats) => seen.push(stats),
  );
  while ((seen.at(-1)?.classes['write']?.acknowledged ?? 0) < 5) await delay(50);
  await probe.startClass('later');
  await probe.stopClass('fresh');
  await probe.setCredentials('http2', credentials, true);
  const stats = await probe.finish();
  for (const [name, figures] of Object.entries(stats.classes)) {
    expect([name, figures.failed, figures.running]).toEqual([name, 0, false]);
  }
  expect(stats.classes).toMatchObject({ write: { lost: 0 }, watch: { missed: 0 } });
  expect(stats.worker.cpuMs).toBeGreaterThan(0);
  expect(stats.worker.memoryMb).toBeGreaterThan(1);
  await expect(probe.stats()).rejects.toThrow(ProbeError);
  await probe.terminate();
});

it('rejects with the class and the reason when the first request does not succeed', async () => {
  const { server, credentials } = await serverAndCredentials();
  const stranger = await makeCa('stranger');
  const base = { targets: targets(server), path: '/version' };
  const started = startProbe({
    classes: [
      { kind: 'fresh', name: 'good', credentials, ...base },
      { kind: 'fresh', name: 'bad', credentials: { ...credentials, ca: stranger.pem }, ...base },
    ],
    startTimeoutMs: 1500,
  });
  await expect(started).rejects.toThrow(
    /probe class bad: unreachable: .*(UNABLE_TO_VERIFY_LEAF_SIGNATURE|SELF_SIGNED)/,
  );
});

it('rejects when the configuration is wrong', async () => {
  const { server } = await serverAndCredentials();
  const credentials = { cert: 'no PEM', key: 'no PEM' };
  const started = startProbe({
    classes: [{ kind: 'fresh', name: 'bad', credentials, targets: targets(server), path: '/' }],
  });
  await expect(started).rejects.toThrow(/probe class bad/);
});
