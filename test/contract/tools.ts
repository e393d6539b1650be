import { setTimeout as sleep } from 'node:timers/promises';
import {
  generateKey,
  keySpecLike,
  mintAuthority,
  mintBridge,
  mintLeaf,
  parseCertificate,
  parseCertificates,
  type Certificate,
  type Issuer,
} from '../../src/pki/index.js';
import type {
  ClientIdentity,
  ContractAnswer,
  ContractCluster,
  ContractNode,
  ContractRequest,
  Shown,
} from './cluster.js';

const day = 24 * 3600 * 1000;

/** Within this kube-apiserver has read its files again: before 1.23 it looks at them once a minute. s */
export const reloadSeconds = 65;

/** Waits until `holds`; it may fail meanwhile. @throws Error after `seconds` */
export async function within(seconds: number, what: string, holds: () => Promise<boolean>): Promise<void> {
  const until = Date.now() + seconds * 1000;
  let seen = '';
  for (;;) {
    try {
      if (await holds()) return;
      seen = '';
    } catch (error) {
      seen = `: ${(error as Error).message}`;
    }
    if (Date.now() > until) throw new Error(`${what}: not so within ${seconds} s${seen}`);
    await sleep(100);
  }
}

/** What lies in a file of a node. */
export function read(cluster: ContractCluster, { name }: ContractNode, file: string): Promise<string> {
  return cluster.onNode(name, `cat "$KEYROLL_ROOT${file}"`);
}

/**
 * Puts files in the place of others, all renames in one command, so that a pair changes as one; owner and mode stay.
 * What was there is kept beside them until `putBack`.
 */
export async function replace(
  cluster: ContractCluster,
  { name }: ContractNode,
  files: Readonly<Record<string, string>>,
): Promise<void> {
  const paths = Object.keys(files);
  for (const path of paths) {
    const file = `"$KEYROLL_ROOT${path}"`;
    const beside = `"$KEYROLL_ROOT${path}.contract`;
    const keep = `[ -e ${beside}-old" ] || cp -p ${file} ${beside}-old"`;
    await cluster.onNode(name, `${keep}; cp -p ${file} ${beside}-new" && cat > ${beside}-new"`, files[path]);
  }
  const renames = paths.map((path) => `mv "$KEYROLL_ROOT${path}.contract-new" "$KEYROLL_ROOT${path}"`);
  await cluster.onNode(name, renames.join(' && '));
}

/** The files that `replace` took away come back. */
export async function putBack(
  cluster: ContractCluster,
  { name }: ContractNode,
  ...paths: readonly string[]
): Promise<void> {
  const renames = paths.map((path) => `mv "$KEYROLL_ROOT${path}.contract-old" "$KEYROLL_ROOT${path}"`);
  await cluster.onNode(name, renames.join(' && '));
}

/** Does something with other files in place, and puts the old ones back whatever comes of it. */
export async function withFiles(
  cluster: ContractCluster,
  nodes: readonly ContractNode[],
  files: Readonly<Record<string, string>>,
  work: () => Promise<void>,
): Promise<void> {
  const changed: ContractNode[] = [];
  try {
    for (const node of nodes) {
      changed.push(node);
      await replace(cluster, node, files);
    }
    await work();
  } finally {
    for (const node of changed) await putBack(cluster, node, ...Object.keys(files));
  }
}

/** The CA of the cluster, with its key, as they lie on the first master. */
export async function clusterCa(cluster: ContractCluster): Promise<Issuer & { readonly pem: string }> {
  const master = first(cluster);
  const pem = await read(cluster, master, `${cluster.certs}/ca.crt`);
  return {
    pem,
    certificate: parseCertificate(pem, 'ca.crt'),
    privatePem: await read(cluster, master, `${cluster.certs}/ca.key`),
  };
}

export interface FreshCa extends Issuer {
  readonly pem: string;
  /** The same key and name, signed by the cluster's CA. */
  readonly bridge: string;
}

/** Another CA, and the bridge that leads from it to the cluster's. */
export async function freshCa(old: Issuer): Promise<FreshCa> {
  const key = await generateKey(keySpecLike(old.certificate));
  const commonName = `ca-contract-${Date.now().toString(36)}`;
  const certificate = mintAuthority({ like: old.certificate, commonName, key, validity: days(9) });
  const bridge = mintBridge({
    newCa: certificate,
    oldCa: old.certificate,
    oldCaKey: old.privatePem,
    validity: days(9),
  });
  return { certificate, privatePem: key.privatePem, pem: certificate.pem, bridge: bridge.pem };
}

/** A new leaf in the likeness of one that lies on the first master. */
export async function successor(
  cluster: ContractCluster,
  name: string,
  issuer: Issuer,
): Promise<{ cert: string; key: string; certificate: Certificate }> {
  const pem = await read(cluster, first(cluster), `${cluster.certs}/${name}.crt`);
  const [like] = parseCertificates(pem, name);
  if (!like) throw new Error(`${name}.crt: holds no certificate`);
  const key = await generateKey({ type: 'ec', curve: 'prime256v1' });
  const certificate = mintLeaf({ like, issuer, key, validity: days(8) });
  return { cert: certificate.pem, key: key.privatePem, certificate };
}

function days(count: number) {
  const now = Math.floor(Date.now() / 1000) * 1000;
  return { notBefore: new Date(now - 60_000), notAfter: new Date(now + count * day) };
}

export function first(cluster: ContractCluster): ContractNode {
  const [master] = cluster.masters;
  if (!master) throw new Error('the cluster has no master');
  return master;
}

/** The administrator, as the masters' own client certificate says. */
export async function admin(cluster: ContractCluster): Promise<ClientIdentity> {
  const master = first(cluster);
  const [ca, cert, key] = await Promise.all(
    ['ca.crt', 'client.crt', 'client.key'].map((name) => read(cluster, master, `${cluster.certs}/${name}`)),
  );
  return { ca: ca ?? '', cert: cert ?? '', key: key ?? '' };
}

/** A request to one master's API server. */
export function api(
  cluster: ContractCluster,
  { address }: ContractNode,
  path: string,
  identity: ClientIdentity,
  request: ContractRequest = {},
): Promise<ContractAnswer> {
  return cluster.request(`https://${address}:${cluster.ports.api}${path}`, identity, request);
}

/** The object of an answer. @throws Error when it is not 2xx */
export async function ask<T>(
  cluster: ContractCluster,
  path: string,
  identity: ClientIdentity,
  request: ContractRequest = {},
): Promise<T> {
  const { status, text } = await api(cluster, first(cluster), path, identity, request);
  if (status < 200 || status > 299) throw new Error(`${request.method ?? 'GET'} ${path}: ${status} ${text}`);
  return JSON.parse(text) as T;
}

/** A handshake with a server, made on a node: what it shows there and names. */
export async function handshake(
  cluster: ContractCluster,
  { name }: ContractNode,
  target: string,
): Promise<Shown> {
  const script = `openssl s_client -connect ${target} -showcerts -nameopt RFC2253,sep_comma_plus,esc_ctrl </dev/null 2>&1 || true`;
  const printed = await cluster.onNode(name, script);
  const named =
    /Acceptable client certificate CA names\n((?:[A-Za-z0-9.]+ ?=.*\n)+)/.exec(printed)?.[1] ?? '';
  const chain = printed.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? [];
  if (chain.length === 0) throw new Error(`${target}: showed no certificate: ${printed.slice(0, 300)}`);
  return { chain: chain.map((pem) => `${pem}\n`), names: named.split('\n').filter(Boolean).map(sorted) };
}

/** A distinguished name with its parts in one order, whatever printed it. */
export function sorted(name: string): string {
  return name
    .split(/,\s*(?=[A-Za-z0-9.]+ ?=)/)
    .map((part) => part.replace(/\s*=\s*/, '=').trim())
    .sort()
    .join(',');
}

/** Process ids of a program on a node. */
export async function pids(
  cluster: ContractCluster,
  { name }: ContractNode,
  program: string,
): Promise<string[]> {
  const printed = await cluster.onNode(name, `pgrep -f "^([^ ]*/)?${program}( |$)" || [ $? -eq 1 ]`);
  return printed.split('\n').filter(Boolean);
}
