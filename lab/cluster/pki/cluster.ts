import { mastersOf, network, type LabPlan } from '../plan.js';
import {
  certify,
  daysFrom,
  goAuthorityExtensions,
  leafExtensions,
  opensslSelfSignedExtensions,
  usage,
  type Contents,
  type Issuer,
  type Names,
  type Validity,
} from './certificate.js';
import { goKeyIdentifier, keyPem, opensslKeyIdentifier, rsaKey } from './keys.js';

/** A certificate and its private key, both PEM. */
export interface Pair {
  readonly certificate: string;
  readonly key: string;
}

/** All that AKS Engine and a node's bootstrap make for one cluster. */
export interface ClusterPki {
  readonly ca: Pair;
  readonly apiserver: Pair;
  readonly client: Pair;
  readonly kubeConfig: Pair;
  readonly etcdServer: Pair;
  readonly etcdClient: Pair;
  /** One for each master. */
  readonly etcdPeers: readonly Pair[];
  /** The front proxy's CA certificate; its key is kept nowhere. */
  readonly proxyCa: string;
  readonly proxy: Pair;
  /** By node name. */
  readonly kubeletServers: Readonly<Record<string, Pair>>;
}

const thirtyYears = 30 * 365;
/** What a node's bootstrap gives the front proxy's and the kubelets' certificates. */
const bootstrapDays = { proxyCa: thirtyYears, proxy: thirtyYears, kubelet: 7300 };

/** Addresses at which a master's servers are reached. */
function masterIps(plan: LabPlan): string[] {
  const [first, ...others] = mastersOf(plan).map((node) => node.ip);
  const fixed = ['127.0.0.1', network.internalBalancer];
  return [...(first === undefined ? [] : [first]), ...fixed, ...others, network.kubernetesService];
}

/** The names of the API server, as AKS Engine puts them into its certificate. */
export function apiserverNames(plan: LabPlan): Names {
  const services = ['kubernetes.default', 'kubernetes.kube-system'].flatMap((name) => [
    name,
    `${name}.svc`,
    `${name}.svc.cluster.local`,
  ]);
  return { dns: [plan.fqdn, 'localhost', 'kubernetes', ...services], ips: masterIps(plan) };
}

/**
 * Makes a whole new PKI for a cluster.
 * @param bits of the cluster's own keys, 4096 on AKS Engine; what nodes make themselves always has 2048
 * @param end when all of it expires, as if it had been made long ago; left out: it begins now
 */
export async function createPki(plan: LabPlan, bits: 2048 | 4096 = 4096, end?: Date): Promise<ClusterPki> {
  const now = new Date();
  const lasting = (days: number): Validity =>
    daysFrom(end === undefined ? now : new Date(end.getTime() - days * 24 * 3600 * 1000), days);
  const validity = lasting(thirtyYears);
  const caKey = await rsaKey(bits);
  const ca: Issuer = { subject: 'CN=ca', key: caKey, keyIdentifier: goKeyIdentifier(caKey) };
  const caContents = { subject: ca.subject, extensions: goAuthorityExtensions(ca.keyIdentifier) };
  const etcdNames: Names = { dns: [], ips: masterIps(plan) };
  const admins = 'O=system:masters, CN=client';
  const leaf = (subject: string, usages: readonly string[], names?: Names): Promise<Pair> =>
    leafPair(bits, { subject, extensions: leafExtensions(usages, ca, names) }, ca, validity);
  const [apiserver, client, kubeConfig, etcdServer, etcdClient, etcdPeers, front, kubeletServers] =
    await Promise.all([
      leaf('CN=apiserver', usage.server, apiserverNames(plan)),
      leaf(admins, usage.client),
      leaf(admins, usage.client),
      leaf('CN=etcdserver', usage.both, etcdNames),
      leaf('CN=etcdclient', usage.both, etcdNames),
      Promise.all(mastersOf(plan).map(() => leaf('CN=etcdpeer', usage.both, etcdNames))),
      frontProxy(lasting),
      kubeletServerPairs(plan, lasting(bootstrapDays.kubelet)),
    ]);
  const certificate = await certify(caKey, caContents, ca, validity);
  const cluster = { ca: { certificate, key: keyPem(caKey) }, apiserver, client, kubeConfig };
  return { ...cluster, etcdServer, etcdClient, etcdPeers, ...front, kubeletServers };
}

async function leafPair(
  bits: 2048 | 4096,
  contents: Contents,
  ca: Issuer,
  validity: Validity,
): Promise<Pair> {
  const key = await rsaKey(bits);
  return { certificate: await certify(key, contents, ca, validity), key: keyPem(key) };
}

/** The front proxy's client certificate has no extension, as `openssl x509 -req` leaves it. */
async function frontProxy(lasting: (days: number) => Validity): Promise<{ proxyCa: string; proxy: Pair }> {
  const [caKey, key] = await Promise.all([rsaKey(2048), rsaKey(2048)]);
  const ca = { subject: 'CN=proxyClientCA', key: caKey, keyIdentifier: opensslKeyIdentifier(caKey) };
  const contents = { subject: 'CN=aggregator, O=system:masters', extensions: [] };
  const [proxyCa, certificate] = await Promise.all([
    selfSigned(ca, lasting(bootstrapDays.proxyCa)),
    certify(key, contents, ca, lasting(bootstrapDays.proxy)),
  ]);
  return { proxyCa, proxy: { certificate, key: keyPem(key) } };
}

async function kubeletServerPairs(plan: LabPlan, validity: Validity): Promise<Record<string, Pair>> {
  const made = plan.nodes.map(async ({ name }): Promise<[string, Pair]> => [
    name,
    await kubeletServer(name, validity),
  ]);
  return Object.fromEntries(await Promise.all(made));
}

async function kubeletServer(name: string, validity: Validity): Promise<Pair> {
  const key = await rsaKey(2048);
  const self = { subject: `CN=${name}`, key, keyIdentifier: opensslKeyIdentifier(key) };
  return { certificate: await selfSigned(self, validity), key: keyPem(key) };
}

function selfSigned(self: Issuer, validity: Validity): Promise<string> {
  const contents = { subject: self.subject, extensions: opensslSelfSignedExtensions(self.keyIdentifier) };
  return certify(self.key, contents, self, validity);
}
