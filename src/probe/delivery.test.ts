import { createServer, type AddressInfo, type Socket } from 'node:net';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';

import { Deadlines } from './deadlines.js';
import { delay } from './delay.js';
import { deliver, type Delivery } from './delivery.js';
import { identityOf } from './endpoint.js';
import { transportOf } from './probe-class.js';
import { FakeApi, type Visit } from './testing/fake-api.js';
import { makeCa, type TestCa } from './testing/identities.js';
import type { Credentials } from './types.js';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let ca: TestCa;
let otherCa: TestCa;
let admin: Credentials;
const open: { close(): Promise<void> | void }[] = [];

beforeAll(async () => {
  ca = await makeCa('old');
  otherCa = await makeCa('new');
  admin = await ca.credentials();
});

afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
});

type Kind = 'fresh' | 'kept-http1' | 'kept-http2';

/** A server, and a client that sends one request after another: what happens does not depend on this machine's speed. */
async function setUp(kind: Kind) {
  const server = await FakeApi.start(await ca.server(['127.0.0.1']), ca.pem);
  const targets = [{ server: server.url }];
  const transport = transportOf({ kind, name: kind, targets, credentials: admin, path: '/', connections: 1 });
  const deadlines = new Deadlines();
  open.push({ close: () => server.stop() }, transport, deadlines);
  const send = (timeoutMs = 30_000) =>
    deliver(transport, { method: 'GET', path: '/version' }, deadlines, timeoutMs);
  const sendWell = async (count: number) => {
    for (let i = 0; i < count; i += 1)
      expect(await send()).toMatchObject({ resent: false, answer: { status: 200 } });
  };
  return { server, transport, send, sendWell };
}

/** Does `act` to the first request alone. */
function once(act: (visit: Visit) => void): (visit: Visit) => boolean {
  let done = false;
  return (visit) => {
    if (done) return false;
    done = true;
    act(visit);
    return true;
  };
}

describe.each(['fresh', 'kept-http1', 'kept-http2'] as const)('%s', (kind) => {
  it('uses a new connection each time, or one for all', async () => {
    const { server, sendWell } = await setUp(kind);
    await sendWell(12);
    expect(server.connections).toBe(kind === 'fresh' ? 12 : 1);
  });

  it('fails when the connection is closed in the middle of the answer', async () => {
    const { server, send, sendWell } = await setUp(kind);
    await sendWell(3);
    server.mischief = once(({ response, raw }) => {
      response.writeHead(200, { 'content-length': '1000' });
      response.write('half');
      setTimeout(() => raw.destroy(), 300);
    });
    const delivery = await send();
    expect(delivery.error).toMatch(/ECONNRESET|middle of the answer|aborted/);
    expect(delivery.resent).toBe(false);
    await sendWell(2);
  });

  it('fails when the connection is reset in the middle of the answer', async () => {
    const { server, send, sendWell } = await setUp(kind);
    await sendWell(3);
    let delivery: Delivery | undefined;
    // A reset may overtake the bytes that were sent before it; then no byte came, and it is tried again.
    while (delivery?.error === undefined) {
      server.mischief = once(({ response, raw }) => {
        response.writeHead(200, { 'content-length': '1000' });
        response.write('half');
        setTimeout(() => raw.resetAndDestroy(), 300);
      });
      delivery = await send();
    }
    expect(delivery.error).toMatch(/ECONNRESET|middle of the answer|aborted/);
  });

  it('fails with a 500 and says what the server said', async () => {
    const { server, send, sendWell } = await setUp(kind);
    await sendWell(2);
    server.mischief = once(({ response }) => {
      response.writeHead(500).end(JSON.stringify({ message: 'etcdserver: leader changed' }));
    });
    const delivery = await send();
    expect(delivery.error).toBe('HTTP 500: etcdserver: leader changed');
    expect(delivery.resent).toBe(false);
    expect(delivery.via).toContain('127.0.0.1:');
    await sendWell(2);
  });

  it('fails without an answer in time, and does not use that connection again', async () => {
    const { server, send, sendWell } = await setUp(kind);
    await sendWell(2);
    server.mischief = once(() => undefined);
    const delivery = await send(1000);
    const stage = { fresh: ' (sent)', 'kept-http1': ' (sent on a kept connection)', 'kept-http2': '' }[kind];
    expect(delivery).toMatchObject({ error: `no answer in 1000 ms${stage}`, resent: false });
    expect(delivery.endedAt - delivery.sentAt).toBeGreaterThanOrEqual(1000);
    await sendWell(2);
  });

  it('fails when the connection is refused', async () => {
    const { server, send, sendWell } = await setUp(kind);
    await sendWell(2);
    await server.stop();
    await delay(100);
    expect((await send()).error).toContain('ECONNREFUSED');
  });

  it.each([
    [
      'of another CA',
      () => otherCa.server(['127.0.0.1']),
      /UNABLE_TO_VERIFY_LEAF_SIGNATURE|SELF_SIGNED|unable to verify/,
    ],
    ['that has expired', () => ca.server(['127.0.0.1'], 'expired'), /CERT_HAS_EXPIRED/],
    ['of another name', () => ca.server(['127.0.0.2', 'localhost']), /ERR_TLS_CERT_ALTNAME_INVALID/],
  ])('fails with a certificate %s', async (_what, pair, error) => {
    const { server, transport, send, sendWell } = await setUp(kind);
    await sendWell(2);
    server.present(await pair());
    transport.setIdentity(identityOf(admin), true);
    expect((await send()).error).toMatch(error);
    expect((await send()).error).toMatch(error);
  });

  it('takes a new identity for new connections', async () => {
    const { server, transport, sendWell } = await setUp(kind);
    await sendWell(2);
    server.present(await otherCa.server(['127.0.0.1']));
    transport.setIdentity(identityOf({ ...admin, ca: `${otherCa.pem}\n${ca.pem}` }), true);
    await sendWell(3);
    expect(server.connections).toBe(kind === 'fresh' ? 5 : 2);
  });

  it('fails when a new connection is closed before any byte, and does not send again', async () => {
    const { server, send } = await setUp(kind);
    server.mischief = ({ raw }) => (raw.destroy(), true);
    for (let i = 0; i < 3; i += 1) {
      const delivery = await send();
      expect(delivery.error).toBeDefined();
      expect(delivery.resent).toBe(false);
    }
    expect(server.connections).toBe(3);
  });
});

describe.each(['kept-http1', 'kept-http2'] as const)('%s', (kind) => {
  it.each(['closed', 'reset'] as const)(
    'sends again when a kept connection is %s before any byte',
    async (how) => {
      const { server, send, sendWell } = await setUp(kind);
      await sendWell(3);
      server.mischief = once(({ raw }) => (how === 'closed' ? raw.destroy() : raw.resetAndDestroy()));
      expect(await send()).toMatchObject({ resent: true, answer: { status: 200 } });
      await sendWell(2);
      expect(server.connections).toBe(2);
    },
  );

  it('sends again once only', async () => {
    const { server, send, sendWell } = await setUp(kind);
    await sendWell(2);
    server.mischief = ({ raw }) => (raw.destroy(), true);
    const delivery = await send();
    expect(delivery.resent).toBe(true);
    expect(delivery.error).toBeDefined();
    expect(server.connections).toBe(2);
  });

  it('fails when what was sent again is answered with an error, and counts from the first sending', async () => {
    const { server, send, sendWell } = await setUp(kind);
    await sendWell(2);
    let visits = 0;
    server.mischief = ({ response, raw }) => {
      visits += 1;
      if (visits === 1) setTimeout(() => raw.destroy(), 400);
      else response.writeHead(503).end('{}');
      return true;
    };
    const delivery = await send();
    expect(delivery.error).toMatch(/^HTTP 503/);
    expect(delivery.resent).toBe(true);
    expect(delivery.endedAt - delivery.sentAt).toBeGreaterThanOrEqual(395);
  });

  it('opens a new connection, and sends nothing again, when the kept one was closed while idle', async () => {
    const { server, sendWell } = await setUp(kind);
    let last: Visit | undefined;
    server.mischief = (visit) => {
      last = visit;
      return false;
    };
    for (let i = 1; i <= 4; i += 1) {
      await sendWell(1);
      last?.raw.destroy();
      await delay(200);
      expect(server.connections).toBe(i);
    }
  });
});

describe('kept-http2', () => {
  it('follows GOAWAY to a new connection; what is under way is answered', async () => {
    const { server, sendWell } = await setUp('kept-http2');
    await sendWell(3);
    server.mischief = ({ request, connection }) => {
      // As Go does it: no new streams, but what is under way is answered.
      if (connection === 1) request.stream.session?.goaway(0, 2 ** 31 - 1);
      return false;
    };
    await sendWell(4);
    expect(server.connections).toBe(2);
  });

  it('sends again what GOAWAY says was not processed', async () => {
    const { server, send, sendWell } = await setUp('kept-http2');
    await sendWell(3);
    server.mischief = once(({ request }) => request.stream.session?.goaway(0, 1));
    expect(await send()).toMatchObject({ resent: true, answer: { status: 200 } });
  });

  it('sends a refused stream again', async () => {
    const { server, send, sendWell } = await setUp('kept-http2');
    await sendWell(2);
    server.mischief = once(({ request }) => request.stream.close(7));
    expect(await send()).toMatchObject({ resent: true, answer: { status: 200 } });
  });

  it.each([2, 8])('fails when the server resets the stream with code %i', async (code) => {
    const { server, send, sendWell } = await setUp('kept-http2');
    await sendWell(2);
    server.mischief = once(({ request }) => request.stream.close(code));
    const delivery = await send();
    expect(delivery.error).toBeDefined();
    expect(delivery.resent).toBe(false);
    await sendWell(2);
    expect(server.connections).toBe(1);
  });
});

it('says of a request that went nowhere that there was no connection, or no TLS', async () => {
  const connections: Socket[] = [];
  const deaf = createServer((connection) => connections.push(connection));
  await new Promise<void>((resolve) => deaf.listen(0, '127.0.0.1', resolve));
  const { port } = deaf.address() as AddressInfo;
  const deadlines = new Deadlines();
  const targets = [{ server: `https://127.0.0.1:${port}` }];
  const transport = transportOf({
    ...{ kind: 'fresh', name: 'fresh', targets, credentials: admin, path: '/', connections: 1 },
  });
  const close = () => {
    for (const connection of connections) connection.destroy();
    deaf.close();
  };
  open.push({ close }, transport, deadlines);
  const delivery = await deliver(transport, { method: 'GET', path: '/version' }, deadlines, 500);
  expect(delivery.error).toBe('no answer in 500 ms (connected, TLS not agreed)');
});
