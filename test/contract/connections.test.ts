import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { shortenedTimings, startCluster, type HollowCluster } from '../../src/hollow/index.js';
import { get } from '../../src/hollow/commands/curl.js';
import type { Pod } from '../../src/hollow/kubelet/pod.js';
import type { HollowNode } from '../../src/hollow/node/node.js';

const certs = '/etc/kubernetes/certs';
const clients = 40;
/** What the cluster's own daemons may have more or fewer at another moment; far fewer than the clients. */
const itsOwn = 20;

/** etcd's members ask each other nothing. */
const peerPort = "etcd's peer port";
const answered = 'asks and is answered';

let cluster: HollowCluster;
let pods: readonly Pod[];
let socketsBefore: number;

/** Sockets and listeners of this thread. */
const held = (): number =>
  process.getActiveResourcesInfo().filter((kind) => kind === 'TCPSocketWrap' || kind === 'TCPServerWrap')
    .length;

beforeAll(async () => {
  socketsBefore = held();
  cluster = await startCluster({
    ...{ masters: 1, agents: 1, timings: shortenedTimings, projectedTokens: false },
    keys: { type: 'ec', curve: 'prime256v1' },
    watchdogDelayMs: 3_600_000,
  });
  pods = (await cluster.admin.client.list<Pod>('/api/v1/pods')).items;
}, 180_000);
afterAll(() => cluster.stop());

function machine(role: 'master' | 'agent'): HollowNode {
  const { name } = cluster.plan.nodes.find((node) => node.role === role) ?? { name: '' };
  return cluster.machine(name).node;
}

/** How a client goes; resolves when it has. */
const manners: Readonly<Record<string, (socket: Socket) => Promise<unknown> | undefined>> = {
  'ends without a word': (socket) => closed(socket.end()),
  'is destroyed': (socket) => closed(socket.destroy()),
  'is reset': (socket) => closed(socket.resetAndDestroy()),
  'talks nonsense until the server closes': (socket) => closed(write(socket, 'nonsense\r\n\r\n')),
};

const tlsManners: Readonly<Record<string, (socket: Socket) => Promise<unknown> | undefined>> = {
  'does not trust the server': (socket) => closed(connectTls({ socket, host: '127.0.0.1' })),
  'shows no certificate and is destroyed': (socket) => secured(socket, {}),
  'shows its certificate and is destroyed': (socket) => secured(socket, identity()),
  [answered]: (socket) =>
    secured(socket, identity(), (tls) =>
      closed(write(tls, 'GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')),
    ),
};

function identity(): { cert: string; key: string } {
  const read = (file: string): string => readFileSync(machine('master').path(`${certs}/${file}`), 'utf8');
  return { cert: read('etcdclient.crt'), key: read('etcdclient.key') };
}

function write<S extends Socket>(socket: S, words: string): S {
  socket.write(words);
  return socket;
}

function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.on('error', () => undefined);
    if (socket.destroyed) resolve();
    socket.once('close', () => resolve());
    socket.resume();
  });
}

/** A server that refuses the client closes before or after the client has seen the handshake's end. */
async function secured(
  socket: Socket,
  pair: { cert?: string; key?: string },
  then: (tls: Socket) => Promise<unknown> = () => Promise.resolve(),
): Promise<void> {
  const tls = connectTls({ socket, rejectUnauthorized: false, ...pair });
  const gone = closed(tls);
  await Promise.race([once(tls, 'secureConnect').then(() => then(tls)), gone]).catch(() => undefined);
  tls.destroy();
  await gone;
}

const dialled =
  (role: 'master' | 'agent', port: number, own = false) =>
  (): Promise<Socket> =>
    machine('master').dial(own ? '127.0.0.1' : machine(role).address, port);

/** The first pod whose name begins so. */
const podDialled = (name: string, port: number) => (): Promise<Socket> => {
  const pod = pods.find(({ metadata }) => metadata.name.startsWith(name));
  return machine('agent').dial(pod?.status?.podIP ?? '', port);
};

async function outside(address: string, port: number): Promise<Socket> {
  const socket = connect({ host: address, port }).on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}

const plain: Readonly<Record<string, () => Promise<Socket>>> = {
  'a workload': podDialled('web', 8080),
  "kubelet's health": dialled('master', 10248, true),
};
const secure: Readonly<Record<string, () => Promise<Socket>>> = {
  etcd: dialled('master', 2379),
  [peerPort]: dialled('master', 2380),
  kubelet: dialled('agent', 10250),
  'an aggregated API server': podDialled('aggregated', 8443),
  'kube-apiserver': () => machine('agent').dial(machine('master').address, cluster.plan.apiPort),
  'kube-apiserver by the Service': () => machine('agent').dial(cluster.plan.kubernetesService, 443),
  'kube-apiserver on its own machine': () => machine('master').dial('127.0.0.1', cluster.plan.apiPort),
  'kube-apiserver by the load balancer': () => outside(cluster.plan.balancer, cluster.plan.apiPort),
  'kube-apiserver from outside': () => outside(machine('master').address, cluster.plan.apiPort),
};

const cases = [
  ...[...Object.entries(plain), ...Object.entries(secure)].flatMap(([server, dial]) =>
    Object.entries(manners).map(([manner, go]) => ({ server, dial, manner, go })),
  ),
  ...Object.entries(secure).flatMap(([server, dial]) =>
    Object.entries(tlsManners).map(([manner, go]) => ({ server, dial, manner, go })),
  ),
].filter(({ server, manner }) => !(server === peerPort && manner === answered));

/** Comes and goes as often as `clients` says; then all their sockets must go, both sides of each. */
async function leavesNothing(client: () => Promise<unknown>): Promise<void> {
  const before = cluster.openSockets;
  await Promise.all(Array.from({ length: clients }, client));
  await expect
    .poll(() => cluster.openSockets, { timeout: 20_000, interval: 20 })
    .toBeLessThanOrEqual(before + itsOwn);
}

describe('connections of a hollow cluster', () => {
  it.each(cases)('leaves no socket when a client of $server $manner', async ({ dial, go }) => {
    await leavesNothing(async () => go(await dial()));
  });

  it('leaves no socket when kube-apiserver asks an aggregated API server', async () => {
    await leavesNothing(() => cluster.admin.client.get('/apis/lab.keyroll.dev/v1alpha1'));
  });

  it('leaves no socket when a client that gave up is connected after all', async () => {
    const dials: Promise<Socket>[] = [];
    const dial = (host: string, port: number): Promise<Socket> => {
      const dialled = dialledLater(host, port);
      dials.push(dialled);
      return dialled;
    };
    const url = new URL(`https://${machine('master').address}:${cluster.plan.apiPort}/healthz`);
    await leavesNothing(async () => {
      await expect(get({ dial }, { url, timeoutMs: 1 })).rejects.toThrow('no answer in time');
      await Promise.all(dials);
    });
  });

  it('leaves no socket and no listener when the cluster is stopped', async () => {
    const [idle, talking] = [await secure['etcd']?.(), await secure['kube-apiserver from outside']?.()];
    talking?.write('nonsense');
    await cluster.stop();
    for (const socket of [idle, talking]) socket?.destroy();
    await expect.poll(held, { timeout: 20_000, interval: 20 }).toBeLessThanOrEqual(socketsBefore);
    expect(cluster.openSockets).toBe(0);
  });
});

/** As on a machine that has much to do. */
async function dialledLater(host: string, port: number): Promise<Socket> {
  await new Promise((resolve) => setTimeout(resolve, 20));
  return machine('agent').dial(host, port);
}
