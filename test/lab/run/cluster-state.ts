import { createHash } from 'node:crypto';
import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { TestLab } from '../test-lab.js';
import { readNodes, type NodeState } from './node-state.js';

export interface TokenSecret {
  readonly name: string;
  readonly uid: string;
  readonly token: string;
  readonly ca: string;
}

export interface EtcdState {
  readonly leader: string;
  readonly term: number;
}

/** What one server shows: whose clients it says to accept, and its leaf. */
export interface ServerState {
  readonly server: string;
  /** Subjects, parts sorted: `CN=ca`. */
  readonly names: readonly string[];
  readonly leaf: string;
}

/** The whole lab at one moment, as the tests see it themselves. */
export interface LabState {
  readonly nodes: ReadonlyMap<string, NodeState>;
  readonly servers: readonly ServerState[];
  readonly tokens: readonly TokenSecret[];
  readonly etcd: EtcdState;
  readonly model: string;
  readonly kubeconfig: string;
  /** SHA-256 of this user's own known_hosts, or `absent`. */
  readonly knownHosts: string;
}

export async function readLab(lab: TestLab): Promise<LabState> {
  return {
    nodes: await readNodes(lab),
    servers: await readServers(lab),
    tokens: await readTokens(lab),
    etcd: await readEtcd(lab),
    model: await readFile(join(lab.clusterDir, 'apimodel.json'), 'utf8'),
    kubeconfig: await readFile(lab.kubeconfig, 'utf8'),
    knownHosts: await hashOf(join(homedir(), '.ssh', 'known_hosts')),
  };
}

async function hashOf(file: string): Promise<string> {
  if (!existsSync(file)) return 'absent';
  return createHash('sha256')
    .update(await readFile(file))
    .digest('hex');
}

interface SecretJson {
  metadata: { name: string; namespace: string; uid: string };
  type: string;
  data?: Record<string, string>;
}

/** All legacy service-account tokens. */
async function readTokens(lab: TestLab): Promise<TokenSecret[]> {
  const secrets = await lab.list<SecretJson>('secrets', '--all-namespaces');
  const text = (base64 = ''): string => Buffer.from(base64, 'base64').toString('utf8');
  return secrets
    .filter(({ type }) => type === 'kubernetes.io/service-account-token')
    .map(({ metadata, data }) => ({
      name: `${metadata.namespace}/${metadata.name}`,
      uid: metadata.uid,
      token: text(data?.['token']),
      ca: text(data?.['ca.crt']),
    }));
}

/** The shell words that ask etcd on a master as its API server does. */
export const etcdctl =
  'cd /etc/kubernetes/certs; export ETCDCTL_API=3; ' +
  'etcdctl --endpoints=https://127.0.0.1:2379 --cacert=ca.crt --cert=etcdclient.crt --key=etcdclient.key';

interface StatusJson {
  Status: { header: { member_id: number }; leader: number; raftTerm: number };
}

export async function readEtcd(lab: TestLab): Promise<EtcdState> {
  const states = await Promise.all(
    lab.masters.map(async ({ name }) => {
      const printed = await lab.onNode(name, `${etcdctl} endpoint status -w json`);
      const [first] = JSON.parse(printed) as StatusJson[];
      if (!first) throw new Error(`node ${name}: etcdctl printed ${printed}, expected a status`);
      const { header, leader, raftTerm } = first.Status;
      return { name, leads: header.member_id === leader, term: raftTerm };
    }),
  );
  const term = Math.max(...states.map((state) => state.term));
  return { leader: states.find(({ leads, term: own }) => leads && own === term)?.name ?? 'none', term };
}

/** Handshakes with every server of the lab, from outside its nodes. */
export async function readServers(lab: TestLab): Promise<ServerState[]> {
  const targets = lab.nodes.flatMap(({ name, ip, role }) => [
    ...(role === 'master'
      ? [
          { server: `${name} kube-apiserver`, at: `${ip}:443` },
          { server: `${name} etcd`, at: `${ip}:2379` },
          { server: `${name} etcd peer`, at: `${ip}:2380` },
        ]
      : []),
    { server: `${name} kubelet`, at: `${ip}:10250` },
  ]);
  return Promise.all(targets.map(async ({ server, at }) => ({ server, ...(await handshake(lab, at)) })));
}

async function handshake(lab: TestLab, at: string): Promise<{ names: string[]; leaf: string }> {
  const { stdout } = await lab.exec(['openssl', 's_client', '-connect', at, '-nameopt', 'RFC2253']);
  const named = /Acceptable client certificate CA names\n((?:[A-Za-z0-9.]+ ?=.*\n)+)/.exec(stdout)?.[1] ?? '';
  const leaf = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----\n/.exec(stdout)?.[0];
  if (leaf === undefined)
    throw new Error(`${at}: openssl s_client saw no certificate: ${stdout.slice(0, 200)}`);
  return { names: named.split('\n').filter(Boolean).map(sortedName), leaf };
}

/** A distinguished name with its parts in one order, whatever printed it. */
export function sortedName(name: string): string {
  return name
    .split(/[,\n]\s*(?=[A-Za-z0-9.]+ ?=)/)
    .map((part) => part.replace(/\s*=\s*/, '=').trim())
    .sort()
    .join(',');
}

/** The subject of the first certificate of a PEM text. */
export function subjectOf(pem: string): string {
  return sortedName(new X509Certificate(pem).subject);
}

/** SHA-256 (hex) of the public key of the first certificate of a PEM text. */
export function fingerprintOf(pem: string): string {
  const spki = new X509Certificate(pem).publicKey.export({ type: 'spki', format: 'der' });
  return createHash('sha256').update(spki).digest('hex');
}
