import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Server, createServer } from 'node:https';
import { type AddressInfo, connect as connectTcp, createServer as createTcpServer } from 'node:net';
import { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Issuer, generateKey, mintAuthority, mintNewLeaf } from '../../pki/index.js';
import { HostKeyError } from '../ssh/known-hosts.js';
import { type KubeClientOptions, openKubeClient } from './client.js';
import { KubeError } from './error.js';
import type { KubeClient } from './types.js';

const validity = { notBefore: new Date(Date.now() - 60_000), notAfter: new Date(Date.now() + 3_600_000) };

async function newAuthority(commonName: string): Promise<Issuer> {
  const key = await generateKey({ type: 'ec', curve: 'prime256v1' });
  return { certificate: mintAuthority({ commonName, key, validity }), privatePem: key.privatePem };
}

async function newLeaf(
  issuer: Issuer,
  commonName: string,
  sans: string[],
): Promise<{ cert: string; key: string }> {
  const key = await generateKey({ type: 'ec', curve: 'prime256v1' });
  const extendedKeyUsages = sans.length > 0 ? ['serverAuth'] : ['clientAuth'];
  const leaf = mintNewLeaf({ commonName, sans, extendedKeyUsages, issuer, key, validity });
  return { cert: leaf.pem, key: key.privatePem };
}

let authority: Issuer;
let stranger: Issuer;
let serving: { cert: string; key: string };
let client: { cert: string; key: string };
const open: (Server | KubeClient)[] = [];

beforeAll(async () => {
  [authority, stranger] = await Promise.all([newAuthority('ca'), newAuthority('stranger')]);
  serving = await newLeaf(authority, 'apiserver', ['127.0.0.1', 'api.example']);
  client = await newLeaf(authority, 'client', []);
});

afterEach(async () => {
  for (const each of open.splice(0).reverse()) {
    if ('server' in each) await each.close();
    else {
      each.closeAllConnections();
      each.close();
    }
  }
});

interface Seen {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
  readonly user: string | undefined;
  readonly servername: string | false | undefined;
}

/** An API server: the handler gets what was asked, with its number, and answers. */
async function serve(
  handler: (seen: Seen, answer: (status: number, body?: unknown) => void, count: number) => void,
): Promise<{ port: number; seen: Seen[] }> {
  const seen: Seen[] = [];
  const ca = authority.certificate.pem;
  const server = createServer(
    { ...serving, ca, requestCert: true, rejectUnauthorized: false },
    (request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const one = describeRequest(request, Buffer.concat(chunks).toString());
        seen.push(one);
        handler(one, (status, body = {}) => reply(response, status, body), seen.length);
      });
    },
  );
  open.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { port: (server.address() as AddressInfo).port, seen };
}

function describeRequest(request: IncomingMessage, body: string): Seen {
  const { method = '', url: path = '', headers, socket } = request;
  if (!(socket instanceof TLSSocket)) throw new Error('the request came without TLS');
  const user = socket.authorized ? String(socket.getPeerCertificate().subject.CN) : undefined;
  const { servername } = socket as { servername?: string | false };
  return { method, path, headers, body, user, servername };
}

function reply(response: ServerResponse, status: number, body: unknown): void {
  if (status === 0) response.destroy();
  else
    response
      .writeHead(status, { 'content-type': 'application/json' })
      .end(typeof body === 'string' ? body : JSON.stringify(body));
}

function clientFor(port: number, options: Partial<KubeClientOptions> = {}): KubeClient {
  const kube = openKubeClient({
    server: `https://127.0.0.1:${port}`,
    ca: [authority.certificate.pem],
    ...options,
  });
  open.push(kube);
  return kube;
}

async function failure(action: Promise<unknown>): Promise<KubeError> {
  const error: unknown = await action.then(
    () => new Error('nothing was thrown'),
    (thrown: unknown) => thrown,
  );
  if (error instanceof KubeError) return error;
  throw error;
}

describe('requests', () => {
  it('carry the client certificate, or the token, over strict TLS', async () => {
    const { port, seen } = await serve((_seen, answer) => answer(200, { metadata: { name: 'x' } }));
    expect(await clientFor(port, { certificate: client.cert, key: client.key }).get('/api/v1/x')).toEqual({
      metadata: { name: 'x' },
    });
    await clientFor(port, { token: 'secret' }).get('/api');
    expect(seen[0]?.user).toBe('client');
    expect([seen[1]?.user, seen[1]?.headers.authorization]).toEqual([undefined, 'Bearer secret']);
  });

  it('trust either CA of two', async () => {
    const { port } = await serve((_seen, answer) => answer(200));
    const kube = clientFor(port, { ca: [stranger.certificate.pem, authority.certificate.pem] });
    expect((await kube.request('GET', '/')).status).toBe(200);
  });

  it('send bodies with the right content type', async () => {
    const { port, seen } = await serve((one, answer) => answer(200, JSON.parse(one.body)));
    const kube = clientFor(port);
    await kube.create('/c', { a: 1 });
    await kube.replace('/r', { a: 2 });
    await kube.patch('/s', { a: 3 });
    await kube.patch('/m', { a: 4 }, 'merge');
    expect(await kube.patch('/j', [], 'json')).toEqual([]);
    expect(
      seen.map(({ method, path, body, headers }) => [method, path, body, headers['content-type']]),
    ).toEqual([
      ['POST', '/c', '{"a":1}', 'application/json'],
      ['PUT', '/r', '{"a":2}', 'application/json'],
      ['PATCH', '/s', '{"a":3}', 'application/strategic-merge-patch+json'],
      ['PATCH', '/m', '{"a":4}', 'application/merge-patch+json'],
      ['PATCH', '/j', '[]', 'application/json-patch+json'],
    ]);
  });

  it('return any status, and text that is no JSON, without throwing', async () => {
    const { port } = await serve((_seen, answer) => answer(500, 'not ok'));
    expect(await clientFor(port).request('GET', '/readyz')).toEqual({
      status: 500,
      body: undefined,
      text: 'not ok',
    });
  });

  it('run 40 at once', async () => {
    const { port, seen } = await serve((_seen, answer) => answer(200));
    const kube = clientFor(port);
    await Promise.all(Array.from({ length: 40 }, (_, index) => kube.get(`/${index}`)));
    expect(new Set(seen.map((one) => one.path)).size).toBe(40);
  });
});

describe('list', () => {
  const page = (items: number[], next?: string): unknown => ({ items, metadata: { continue: next } });

  it('reads page by page, keeping the query', async () => {
    const { port, seen } = await serve((_seen, answer, count) =>
      answer(200, count === 1 ? page([1, 2], 'a/b=') : page([3])),
    );
    expect(await clientFor(port).list('/pods?labelSelector=x')).toEqual([1, 2, 3]);
    expect(seen.map((one) => one.path)).toEqual([
      '/pods?labelSelector=x&limit=500',
      '/pods?labelSelector=x&limit=500&continue=a%2Fb%3D',
    ]);
  });

  it('begins anew when its pages expired, but not for ever', async () => {
    const { port } = await serve((one, answer, count) => {
      if (one.path.includes('continue'))
        answer(410, { kind: 'Status', reason: 'Expired', message: 'too old' });
      else answer(200, count < 3 ? page([1], 'next') : page([7]));
    });
    expect(await clientFor(port).list('/pods')).toEqual([7]);
    const always = await serve((_seen, answer) => answer(410));
    expect((await failure(clientFor(always.port).list('/pods'))).status).toBe(410);
    expect(always.seen.length).toBe(3);
  });

  it('takes a missing list for an empty one', async () => {
    const { port } = await serve((_seen, answer) => answer(200, { items: null }));
    expect(await clientFor(port).list('/pods')).toEqual([]);
  });
});

describe('refusals', () => {
  it('name server, method, path, status and what the server said', async () => {
    const status = { kind: 'Status', reason: 'NotFound', message: 'nodes "x" not found' };
    const { port } = await serve((_seen, answer) => answer(404, status));
    const error = await failure(clientFor(port).get('/api/v1/nodes/x'));
    expect(error.message).toBe(
      `Kubernetes API https://127.0.0.1:${port}: GET /api/v1/nodes/x: 404 NotFound: nodes "x" not found`,
    );
    expect(error).toMatchObject({ method: 'GET', path: '/api/v1/nodes/x', status: 404, reason: 'NotFound' });
  });

  it('say what to do about a refused credential', async () => {
    const { port } = await serve((_seen, answer) => answer(401, ''));
    const error = await failure(clientFor(port).get('/'));
    expect(error.message).toContain(
      '401 Unauthorized: the answer is empty; the server does not accept this credential',
    );
  });

  it('count 404 as deleted, and nothing else', async () => {
    const { port } = await serve((_seen, answer, count) => answer(count === 1 ? 404 : 403));
    await clientFor(port).delete('/x');
    expect((await failure(clientFor(port).delete('/x'))).status).toBe(403);
  });
});

describe('another try', () => {
  it('is made for a GET whose connection broke, three times in all', async () => {
    const { port } = await serve((_seen, answer, count) => answer(count < 3 ? 0 : 200));
    expect((await clientFor(port).request('GET', '/')).status).toBe(200);
    const never = await serve((_seen, answer) => answer(0));
    expect((await failure(clientFor(never.port).get('/'))).reason).toBe('Interrupted');
    expect(never.seen.length).toBe(3);
  });

  it('is not made for a write that was sent', async () => {
    const { port, seen } = await serve((_seen, answer) => answer(0));
    const error = await failure(clientFor(port).create('/', {}));
    expect(error.message).toContain('it may have been carried out');
    expect(seen.length).toBe(1);
  });

  it('is made for a write that was not sent', async () => {
    const { port, seen } = await serve((_seen, answer) => answer(201));
    let opened = 0;
    const kube = clientFor(port, {
      connect: (host, to) => {
        opened += 1;
        return opened < 3 ? Promise.reject(new Error('no way')) : Promise.resolve(connectTcp(to, host));
      },
    });
    await kube.create('/', {});
    expect([opened, seen.length]).toEqual([3, 1]);
  });

  it('is made for 429, and for a GET when the server is not ready, but not by request', async () => {
    const { port, seen } = await serve((one, answer, count) =>
      answer(count % 2 === 1 ? (one.method === 'GET' ? 503 : 429) : 200),
    );
    await clientFor(port).get('/');
    await clientFor(port).create('/', {});
    expect(seen.length).toBe(4);
    expect((await clientFor(port).request('GET', '/')).status).toBe(503);
    const broken = await serve((_seen, answer) => answer(500));
    expect((await failure(clientFor(broken.port).create('/', {}))).status).toBe(500);
    expect(broken.seen.length).toBe(1);
  });
});

describe('without an answer', () => {
  it('says that the certificate is not trusted, at once', async () => {
    const { port, seen } = await serve((_seen, answer) => answer(200));
    for (const options of [
      { ca: [stranger.certificate.pem] },
      { ca: [] },
      { server: `https://localhost:${port}` },
    ]) {
      const error = await failure(clientFor(port, options).get('/'));
      expect(error.reason).toBe('Untrusted');
      expect(error.message).toContain('its certificate is not trusted (');
    }
    expect(seen).toEqual([]);
  });

  it('says that nothing listens', async () => {
    const error = await failure(clientFor(1).get('/'));
    expect(error.reason).toBe('Unreachable');
    expect(error.message).toContain('it cannot be reached (connect ECONNREFUSED');
  });

  it('stops waiting in time for an answer, and for a connection', async () => {
    const { port } = await serve(() => undefined);
    const error = await failure(clientFor(port, { timeoutMs: 300 }).get('/'));
    expect([error.reason, error.message]).toEqual([
      'Timeout',
      expect.stringContaining('no answer within 0.3 s'),
    ]);
    const silent = createTcpServer(() => undefined);
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const to = (silent.address() as AddressInfo).port;
    expect(['Timeout', 'Unreachable']).toContain(
      (await failure(clientFor(to, { timeoutMs: 300 }).get('/'))).reason,
    );
    silent.close();
  });
});

describe('through another stream', () => {
  /** As an SSH channel: a Duplex that is no socket. */
  function channel(host: string, port: number): Promise<Duplex> {
    const socket = connectTcp(port, host);
    return Promise.resolve(Duplex.from({ readable: socket, writable: socket }));
  }

  it('does TLS with the name of the server', async () => {
    const { port, seen } = await serve((_seen, answer) => answer(200, { a: 'x'.repeat(300_000) }));
    const asked: string[] = [];
    const kube = clientFor(port, {
      server: `https://api.example:${port}`,
      connect: (host, to) => {
        asked.push(`${host}:${to}`);
        return channel('127.0.0.1', to);
      },
    });
    expect((await kube.request('GET', '/')).text.length).toBeGreaterThan(300_000);
    expect([asked, seen[0]?.servername]).toEqual([[`api.example:${port}`], 'api.example']);
  });

  it('verifies the server as strictly, by address too', async () => {
    const { port, seen } = await serve((_seen, answer) => answer(200));
    expect((await clientFor(port, { connect: channel }).request('GET', '/')).status).toBe(200);
    const other = { server: `https://other.example:${port}`, connect: () => channel('127.0.0.1', port) };
    expect((await failure(clientFor(port, other).get('/'))).reason).toBe('Untrusted');
    expect(seen.length).toBe(1);
  });

  it('lets a refused host key stop everything', async () => {
    const refusal = new HostKeyError('changed', 'jump', 'it presents another key');
    let asked = 0;
    const kube = clientFor(1, { connect: () => ((asked += 1), Promise.reject(refusal)) });
    await expect(kube.get('/')).rejects.toBe(refusal);
    expect(asked).toBe(1);
  });
});
