import { connect as connectHttp2 } from 'node:http2';
import { Agent, request as requestHttps } from 'node:https';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isStatus, type Client } from '../client/client.js';
import type { Machine } from '../contracts.js';
import type { KubeObject } from '../kube/objects.js';
import { pathOf } from '../kube/resources.js';
import {
  apiPort,
  apiserverArgv,
  certs,
  makeMaterials,
  SmallControlPlane,
  until,
  type Materials,
} from '../testing/small-control-plane.js';
import { authority, bridgeOf, leaf, type Authority, type Leaf } from '../testing/small-pki.js';
import { kubeApiserver } from './index.js';
import { signToken } from '../kube/tokens.js';

let materials: Materials;
let fresh: Authority;
let plane: SmallControlPlane;
let master: Machine;
let admin: Client;

beforeAll(async () => {
  [materials, fresh] = await Promise.all([makeMaterials(), authority('ca-new')]);
  plane = new SmallControlPlane(materials);
  master = plane.master();
  await plane.apiserver(master);
  admin = plane.admin(master);
});
afterAll(() => plane.stop());

const configMap = (name: string, data: Record<string, string> = {}, labels: Record<string, string> = {}) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, labels },
  data,
});
const maps = pathOf('configmaps', 'default');
const status = async (client: Client, path = '/version'): Promise<number> =>
  (await client.request('GET', path)).status;

describe('objects', () => {
  it('are made with uid, version and time, and read back', async () => {
    const made = await admin.create(maps, configMap('a', { x: '1' }));
    expect(made.metadata.uid).toMatch(/^[0-9a-f-]{36}$/);
    expect(await admin.get(`${maps}/a`)).toEqual(made);
    await expect(admin.create(maps, configMap('a'))).rejects.toMatchObject({
      status: 409,
      reason: 'AlreadyExists',
    });
  });

  it('refuse a change of a version that is no longer there', async () => {
    const made = await admin.create(maps, configMap('b'));
    await admin.update(`${maps}/b`, { ...made, data: { x: '1' } });
    await expect(admin.update(`${maps}/b`, { ...made, data: { x: '2' } })).rejects.toMatchObject({
      status: 409,
      reason: 'Conflict',
    });
  });

  it('take JSON, merge and strategic merge patches', async () => {
    await admin.create(maps, configMap('c', { x: '1', y: '2' }));
    await admin.patch(`${maps}/c`, { data: { x: null, z: '3' } }, 'merge');
    await admin.patch(
      `${maps}/c`,
      [
        { op: 'test', path: '/data/y', value: '2' },
        { op: 'replace', path: '/data/y', value: '4' },
      ],
      'json',
    );
    const last = await admin.patch(`${maps}/c`, { metadata: { labels: { l: 'v' } } }, 'strategic');
    expect([last['data'], last.metadata.labels]).toEqual([{ y: '4', z: '3' }, { l: 'v' }]);
    await expect(
      admin.patch(`${maps}/c`, [{ op: 'test', path: '/data/y', value: 'no' }], 'json'),
    ).rejects.toMatchObject({ status: 422 });
  });

  it('are told by a watch in order, through a selector', async () => {
    const seen: string[] = [];
    const { metadata } = await admin.list(maps);
    const watch = admin.watch<KubeObject>(`${maps}?labelSelector=w%3Dyes`, metadata.resourceVersion, {
      onEvent: (type, object) => seen.push(`${type} ${object.metadata.name}`),
      onEnd: () => seen.push('end'),
    });
    await admin.create(maps, configMap('w', {}, { w: 'yes' }));
    await admin.create(maps, configMap('other'));
    await admin.patch(`${maps}/w`, { data: { n: '1' } }, 'merge');
    await admin.patch(`${maps}/w`, { metadata: { labels: { w: 'no' } } }, 'merge');
    await until(() => seen.length >= 3, 'three events');
    watch.stop();
    expect(seen).toEqual(['ADDED w', 'MODIFIED w', 'DELETED w']);
  });

  it('come in pages', async () => {
    const all = await admin.list(maps);
    const first = await admin.list(`${maps}?limit=1`);
    const rest = await admin.list(`${maps}?limit=500&continue=${first.metadata.continue ?? ''}`);
    expect([...first.items, ...rest.items]).toEqual(all.items);
  });

  it('leave nothing behind in a dry run', async () => {
    const made = await admin.create(`${maps}?dryRun=All`, {
      ...configMap(''),
      metadata: { generateName: 'dry-' },
    });
    expect(made.metadata.name).toMatch(/^dry-[a-z0-9]{5}$/);
    expect(made.metadata.creationTimestamp).toBeDefined();
    await expect(admin.get(`${maps}/${made.metadata.name}`)).rejects.toMatchObject({ status: 404 });
  });

  it('wait for a kubelet before a pod on a node goes', async () => {
    await admin.create(pathOf('serviceaccounts', 'default'), {
      metadata: { name: 'default' },
      automountServiceAccountToken: false,
    });
    const pods = pathOf('pods', 'default');
    await admin.create(pods, { metadata: { name: 'p' }, spec: { containers: [{ name: 'c' }] } });
    await admin.create(`${pods}/p/binding`, { target: { name: 'node-1' } });
    await admin.delete(`${pods}/p`);
    expect((await admin.get(`${pods}/p`)).metadata.deletionGracePeriodSeconds).toBe(30);
    await admin.delete(`${pods}/p`, { gracePeriodSeconds: 0 });
    await expect(admin.get(`${pods}/p`)).rejects.toMatchObject({ status: 404 });
  });

  it('say loudly what is not known', async () => {
    await expect(admin.get('/api/v1/namespaces/default/podtemplates/x')).rejects.toMatchObject({
      status: 404,
    });
    await expect(admin.get(`${maps}/a?colour=red`)).rejects.toMatchObject({ status: 400 });
    await expect(admin.get(`${pathOf('pods', 'default')}/p/log`)).rejects.toMatchObject({ status: 501 });
    expect(plane.network.lines.join('\n')).toContain('pods/log');
  });
});

describe('who asks', () => {
  it('is told by a certificate, and without one refused', async () => {
    expect(await status(plane.client(master, { ca: materials.ca.pem }))).toBe(401);
    const stranger = await leaf(await authority('ca'), 'client', { organization: 'system:masters' });
    expect(await status(plane.client(master, { ca: materials.ca.pem, fixedPair: stranger }))).toBe(401);
    const nobody = await leaf(materials.ca, 'nobody');
    const client = plane.client(master, { ca: materials.ca.pem, fixedPair: nobody });
    expect([await status(client), await status(client, `${maps}/a`)]).toEqual([200, 403]);
  });

  it('is told by a front proxy, for whom it asks', async () => {
    const tls = { ca: materials.ca.pem, ...materials.proxy };
    const asked = (headers: Record<string, string>, pair: Leaf): Promise<number> =>
      new Promise((resolve, reject) => {
        const port = plane.network.realPort(`${master.address}:${apiPort}`);
        const options = {
          ...tls,
          ...pair,
          host: '127.0.0.1',
          port,
          path: '/api',
          headers,
          agent: new Agent(),
        };
        requestHttps(options, (answer) => resolve(answer.resume().statusCode ?? 0))
          .on('error', reject)
          .end();
      });
    expect(await asked({ 'x-remote-user': 'someone' }, materials.proxy)).toBe(200);
    expect(await asked({}, materials.proxy)).toBe(401);
    expect(await asked({ 'x-remote-user': 'someone' }, await leaf(await authority('x'), 'proxy'))).toBe(401);
  });

  it('is told by a legacy token, as long as its Secret holds it', async () => {
    const account = await admin.create(pathOf('serviceaccounts', 'default'), { metadata: { name: 'robot' } });
    const claims = {
      iss: 'kubernetes/serviceaccount',
      sub: 'system:serviceaccount:default:robot',
      'kubernetes.io/serviceaccount/namespace': 'default',
      'kubernetes.io/serviceaccount/secret.name': 'robot-token',
      'kubernetes.io/serviceaccount/service-account.name': 'robot',
      'kubernetes.io/serviceaccount/service-account.uid': account.metadata.uid ?? '',
    };
    const token = signToken(claims, materials.serviceAccountKey);
    const secrets = pathOf('secrets', 'default');
    await admin.create(secrets, {
      metadata: { name: 'robot-token', annotations: { 'kubernetes.io/service-account.name': 'robot' } },
      type: 'kubernetes.io/service-account-token',
      stringData: { token },
    });
    const robot = plane.client(master, { ca: materials.ca.pem, token });
    await until(async () => (await status(robot)) === 200, 'the token is accepted');
    await admin.patch(`${secrets}/robot-token`, { data: { token: null } }, 'merge');
    await until(async () => (await status(robot)) === 401, 'the emptied token is refused');
  });

  it('is told by a projected token, until its account goes', async () => {
    const accounts = pathOf('serviceaccounts', 'default');
    await admin.create(accounts, { metadata: { name: 'projected' } });
    const answer = await admin.create<KubeObject & { status: { token: string } }>(
      `${accounts}/projected/token`,
      {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenRequest',
        spec: { expirationSeconds: 600 },
      },
    );
    const client = plane.client(master, { ca: materials.ca.pem, token: answer.status.token });
    await until(async () => (await status(client)) === 200, 'the token is accepted');
    await admin.delete(`${accounts}/projected`);
    await until(async () => (await status(client)) === 401, 'the token is refused');
  });
});

describe('files', () => {
  const put = (name: string, text: string): void => plane.network.write(master, `${certs}/${name}`, text);

  it('of TLS are read again: the serving pair, and whose clients are accepted, on kept connections too', async () => {
    const client = plane.client(master, { ca: materials.ca.pem, fixedPair: materials.admin });
    expect(await status(client)).toBe(200);
    put('ca.crt', fresh.pem);
    await until(
      async () => (await status(client)) === 401,
      'the old client is refused on its kept connection',
    );
    expect(await namedCas(plane, master)).toEqual(['ca-new', 'proxy-ca']);
    const bridged = await leaf(fresh, 'client', { organization: 'system:masters' });
    const newcomer = plane.client(master, { ca: materials.ca.pem, fixedPair: bridged });
    expect(await status(newcomer)).toBe(200);
    put('ca.crt', materials.ca.pem);
    const bridge = bridgeOf(fresh, materials.ca);
    const through = { ...bridged, cert: bridged.cert + bridge };
    await until(async () => (await status(client)) === 200, 'the old client is accepted again');
    expect(await status(plane.client(master, { ca: materials.ca.pem, fixedPair: bridged }))).toBe(401);
    expect(await status(plane.client(master, { ca: materials.ca.pem, fixedPair: through }))).toBe(200);
  });

  it('of half a pair change nothing', async () => {
    const other = await leaf(fresh, 'apiserver', { sans: ['127.9.0.1'] });
    put('apiserver.crt', other.cert);
    await until(
      () => plane.network.lines.some((line) => line.includes('going on with what was there')),
      'the log says so',
    );
    expect(await status(plane.client(master, { ca: materials.ca.pem, fixedPair: materials.admin }))).toBe(
      200,
    );
    put('apiserver.key', other.key);
    const newTrust = plane.client(master, { ca: fresh.pem, fixedPair: materials.admin });
    await until(
      async () =>
        status(newTrust).then(
          (code) => code === 200,
          () => false,
        ),
      'the new pair is shown',
    );
    put('apiserver.crt', materials.serving.cert);
    put('apiserver.key', materials.serving.key);
    const oldTrust = plane.client(master, { ca: materials.ca.pem, fixedPair: materials.admin });
    await until(
      async () =>
        status(oldTrust).then(
          (code) => code === 200,
          () => false,
        ),
      'the old pair is back',
    );
  });
});

describe('what is made at the start', () => {
  it('is Service kubernetes with the living masters, and the union of what they trust', async () => {
    const service = await admin.get(`${pathOf('services', 'default')}/kubernetes`);
    expect(service['spec']).toMatchObject({ clusterIP: '127.9.200.1' });
    const endpoints = await admin.get(`${pathOf('endpoints', 'default')}/kubernetes`);
    expect(JSON.stringify(endpoints['subsets'])).toContain('127.9.0.1');
    const path = `${pathOf('configmaps', 'kube-system')}/extension-apiserver-authentication`;
    const held = async (): Promise<Record<string, string>> =>
      (await admin.get(path))['data'] as Record<string, string>;
    const { 'client-ca-file': clients = '' } = await held();
    // What was trusted once stays until somebody takes it out; what is trusted now comes back.
    expect([clients.includes(fresh.pem), clients.includes(materials.ca.pem)]).toEqual([true, true]);
    await admin.patch(path, { data: { 'client-ca-file': fresh.pem } }, 'merge');
    await until(
      async () => ((await held())['client-ca-file'] ?? '').includes(materials.ca.pem),
      'it puts back its own',
    );
  });
});

describe('the end', () => {
  it('comes with one SIGTERM when all is answered, and lets a watch hold it up', async () => {
    const other = plane.master(1);
    const running = await plane.apiserver(other);
    const client = plane.admin(other);
    const listed = await client.list(maps);
    let ended = false;
    client.watch(maps, listed.metadata.resourceVersion, {
      onEvent: () => undefined,
      onEnd: () => (ended = true),
    });
    await admin.create(maps, configMap('before-the-end'));
    const lonely = plane.admin(other);
    running.signal('TERM');
    await expect(lonely.get('/version')).rejects.toThrow(/ECONNREFUSED/);
    expect(ended).toBe(false);
    running.signal('TERM');
    expect(await running.ended).toBe(1);
    await until(() => ended, 'the watch is cut');
  });

  it('is at once when a file is missing or a flag unknown', async () => {
    const program = kubeApiserver(plane.surroundings);
    const bad = plane.start(program, [...apiserverArgv(master), '--colour=red'], master);
    expect(await bad.ended).toBe(1);
    const missing = plane.start(program, [...apiserverArgv(master), '--client-ca-file=/nowhere'], master);
    expect(await missing.ended).toBe(1);
    expect(plane.network.lines.join('\n')).toMatch(/unknown flag: --colour=red[\s\S]*ENOENT/);
  });
});

describe('HTTP', () => {
  it('is spoken in both versions on one port', async () => {
    const port = plane.network.realPort(`${master.address}:${apiPort}`);
    const session = connectHttp2(`https://127.0.0.1:${port}`, { ca: materials.ca.pem, ...materials.admin });
    const stream = session.request({ ':path': '/readyz' });
    let text = '';
    for await (const part of stream) text += String(part);
    session.close();
    expect(text).toBe('ok');
    expect(isStatus(new Error(), 404)).toBe(false);
  });
});

/** Common names of the CAs that a server names in its handshake (TLS 1.2 shows them to a client that asks OpenSSL). */
async function namedCas(of: SmallControlPlane, machine: Machine): Promise<string[]> {
  const { execFile } = await import('node:child_process');
  const port = of.network.realPort(`${machine.address}:${apiPort}`);
  const output = await new Promise<string>((resolve) => {
    const child = execFile('openssl', ['s_client', '-connect', `127.0.0.1:${port}`], (_error, stdout) =>
      resolve(stdout),
    );
    child.stdin?.end();
  });
  const named = /Acceptable client certificate CA names\n((?:.*CN ?= ?.*\n)+)/.exec(output)?.[1] ?? '';
  return [...named.matchAll(/CN ?= ?(\S+)/g)].map(([, name = '']) => name).sort();
}
