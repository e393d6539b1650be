import { request as requestHttps } from 'node:https';
import { connect as connectTls } from 'node:tls';
import { startCluster, shortenedTimings, type HollowCluster } from '../../src/hollow/index.js';
import type { HollowNode } from '../../src/hollow/node/node.js';
import { runLoad } from '../../src/probe/index.js';
import type {
  ClientIdentity,
  ContractAnswer,
  ContractCluster,
  ContractRequest,
  LoadFigures,
} from './cluster.js';
import { admin } from './tools.js';

const certs = '/etc/kubernetes/certs';
const timeoutMs = 20_000;

/** A hollow cluster of three masters and one agent, held to the contract. */
export async function hollowContract(): Promise<ContractCluster & { stop(): Promise<void> }> {
  const hollow = await startCluster({
    ...{ masters: 3, agents: 1, timings: shortenedTimings, projectedTokens: false },
    keys: { type: 'ec', curve: 'prime256v1' },
    // Watchdogs would kill what facts stop on purpose.
    watchdogDelayMs: 3_600_000,
  });
  const masters = hollow.plan.nodes
    .filter(({ role }) => role === 'master')
    .map(({ name, address }) => ({ name, address }));
  const client = hollow.machine(hollow.plan.nodes.find(({ role }) => role === 'agent')?.name ?? '');
  const cluster: ContractCluster = {
    masters,
    certs,
    ports: { api: hollow.plan.apiPort, etcd: 2379 },
    onNode: (node, script, stdin = '') => onNode(hollow, node, script, stdin),
    request: (url, identity, asked) => request(client.node, url, identity, asked),
    underLoad: (work) => underLoad(cluster, work),
  };
  return { ...cluster, stop: () => hollow.stop() };
}

function onNode(hollow: HollowCluster, node: string, script: string, stdin: string): Promise<string> {
  const child = hollow.machine(node).shell.run(['/bin/sh', '-c', script], { stdin: 'pipe', output: 'pipe' });
  let [said, complained] = ['', ''];
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (said += text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (complained += text));
  child.stdin?.end(stdin);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve(said);
      else
        reject(new Error(`node ${node}: the script ended with ${code ?? 'a signal'}: ${complained.trim()}`));
    });
  });
}

/** From another machine of the cluster, since etcd is open to those alone. */
async function request(
  from: HollowNode,
  url: string,
  identity: ClientIdentity,
  { method = 'GET', body, contentType = 'application/json' }: ContractRequest = {},
): Promise<ContractAnswer> {
  const { hostname: host, port, pathname, search } = new URL(url);
  const { ca, cert, key, token } = identity;
  const socket = connectTls({ socket: await from.dial(host, Number(port)), host, ca, cert, key });
  const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const type = body === undefined ? {} : { 'content-type': contentType };
  const headers = { ...authorization, ...type, connection: 'close' };
  const options = { method, host, path: `${pathname}${search}`, headers, createConnection: () => socket };
  return new Promise((resolve, reject) => {
    const outgoing = requestHttps(options, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (part: string) => (text += part));
      answer.once('error', reject);
      answer.once('end', () => resolve({ status: answer.statusCode ?? 0, text }));
    });
    outgoing.setTimeout(timeoutMs, () => outgoing.destroy(new Error(`${url}: no answer`)));
    outgoing.once('error', reject);
    outgoing.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

async function underLoad(cluster: ContractCluster, work: () => Promise<void>): Promise<LoadFigures> {
  const { ca, cert = '', key = '' } = await admin(cluster);
  const load = await runLoad({
    ...{ readsPerSecond: 60, writesPerSecond: 20, namespace: 'default' },
    targets: cluster.masters.map(({ address }) => ({ server: `https://${address}:${cluster.ports.api}` })),
    credentials: { ca, cert, key },
  });
  try {
    await work();
    const classes = Object.values((await load.finish()).classes);
    const sum = (field: 'requests' | 'failed'): number =>
      classes.reduce((total, figures) => total + figures[field], 0);
    return { requests: sum('requests'), failed: sum('failed') };
  } finally {
    await load.terminate();
  }
}
