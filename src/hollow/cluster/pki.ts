import {
  generateKey,
  mintAuthority,
  mintNewLeaf,
  parseCertificate,
  type Issuer,
  type KeyPair,
  type KeySpec,
} from '../../pki/index.js';
import { mastersOf, type ClusterPlan } from './plan.js';

/** A certificate and its private key, both PEM. */
export interface Pair {
  readonly certificate: string;
  readonly key: string;
}

/** All that AKS Engine and a node's first start make for one cluster. */
export interface ClusterPki {
  readonly ca: Pair;
  readonly apiserver: Pair;
  readonly client: Pair;
  readonly kubectlClient: Pair;
  readonly etcdserver: Pair;
  readonly etcdclient: Pair;
  /** One for each master. */
  readonly etcdpeers: readonly Pair[];
  readonly proxyCa: string;
  readonly proxy: Pair;
  /** By node. */
  readonly kubeletservers: ReadonlyMap<string, Pair>;
}

const thirtyYears = 30 * 365 * 86_400_000;
const admins = 'system:masters';

/** What is out of the ordinary in a PKI. */
export interface PkiWishes {
  /** When all of it expires. */
  readonly end?: Date | undefined;
  /** When the front proxy's part of it expires. */
  readonly frontProxyEnd?: Date | undefined;
  /** The cluster CA: one that is there, or the common name of a new one. AKS Engine calls each of them `ca`. */
  readonly ca?: Pair | string;
}

interface Validity {
  readonly notBefore: Date;
  readonly notAfter: Date;
}

/** Thirty years, which end then, or began an hour ago. */
function thirtyYearsTo(end?: Date): Validity {
  const begin = end ? end.getTime() - thirtyYears : Math.floor(Date.now() / 1000) * 1000 - 3_600_000;
  return { notBefore: new Date(begin), notAfter: new Date(begin + thirtyYears) };
}

/**
 * Makes a new PKI, laid out as AKS Engine's.
 * @param spec the kind of all its keys
 */
export async function makePki(plan: ClusterPlan, spec: KeySpec, wishes: PkiWishes = {}): Promise<ClusterPki> {
  const validity = thirtyYearsTo(wishes.end);
  const ofFrontProxy = wishes.frontProxyEnd ? thirtyYearsTo(wishes.frontProxyEnd) : validity;
  const ca =
    typeof wishes.ca === 'object' ? known(wishes.ca) : await authority(wishes.ca ?? 'ca', 'sha256', validity);
  const frontProxy = await authority('proxyClientCA', 'sha1', ofFrontProxy);
  const etcdSans = masterIps(plan);
  const both = ['serverAuth', 'clientAuth'];
  const leaf = async (
    commonName: string,
    usages: readonly string[],
    issuer: Issuer,
    more: { organization?: string; sans?: readonly string[]; validity?: Validity } = {},
  ): Promise<Pair> => {
    const key = await generateKey(spec);
    const { pem } = mintNewLeaf({ commonName, validity, ...more, extendedKeyUsages: usages, issuer, key });
    return { certificate: pem, key: key.privatePem };
  };
  const [apiserver, client, kubectlClient, etcdserver, etcdclient, proxy, etcdpeers, kubeletservers] =
    await Promise.all([
      leaf('apiserver', ['serverAuth'], ca.issuer, { sans: apiserverNames(plan) }),
      leaf('client', ['clientAuth'], ca.issuer, { organization: admins }),
      leaf('client', ['clientAuth'], ca.issuer, { organization: admins }),
      leaf('etcdserver', both, ca.issuer, { sans: etcdSans }),
      leaf('etcdclient', both, ca.issuer, { sans: etcdSans }),
      leaf('aggregator', [], frontProxy.issuer, { organization: admins, validity: ofFrontProxy }),
      Promise.all(mastersOf(plan).map(() => leaf('etcdpeer', both, ca.issuer, { sans: etcdSans }))),
      Promise.all(
        plan.nodes.map(async ({ name }): Promise<[string, Pair]> => [
          name,
          (await authority(name, 'sha1', validity)).pair,
        ]),
      ),
    ]);
  const proxyCa = frontProxy.pair.certificate;
  return {
    ca: ca.pair,
    apiserver,
    client,
    kubectlClient,
    etcdserver,
    etcdclient,
    etcdpeers,
    proxyCa,
    proxy,
    kubeletservers: new Map(kubeletservers),
  };

  /** Signed by itself; a kubelet's serving certificate is made like that too. */
  async function authority(
    commonName: string,
    keyIdentifier: 'sha1' | 'sha256',
    lasting: Validity,
  ): Promise<{ pair: Pair; issuer: Issuer }> {
    const key: KeyPair = await generateKey(spec);
    const certificate = mintAuthority({ commonName, key, validity: lasting, keyIdentifier });
    return {
      pair: { certificate: certificate.pem, key: key.privatePem },
      issuer: { certificate, privatePem: key.privatePem },
    };
  }
}

function known(pair: Pair): { pair: Pair; issuer: Issuer } {
  return {
    pair,
    issuer: { certificate: parseCertificate(pair.certificate, 'the CA'), privatePem: pair.key },
  };
}

/** In the order in which AKS Engine writes them. */
function masterIps(plan: ClusterPlan): string[] {
  const [first = '', ...others] = mastersOf(plan).map(({ address }) => address);
  return [first, '127.0.0.1', plan.balancer, ...others, plan.kubernetesService];
}

function apiserverNames(plan: ClusterPlan): string[] {
  const services = ['kubernetes.default', 'kubernetes.kube-system'].flatMap((name) => [
    name,
    `${name}.svc`,
    `${name}.svc.cluster.local`,
  ]);
  return [
    `${plan.name}.${plan.location}.cloudapp.azurestack.external`,
    'localhost',
    'kubernetes',
    ...services,
    ...masterIps(plan),
  ];
}
