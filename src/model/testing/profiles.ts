import {
  generateKey,
  mintAuthority,
  mintNewLeaf,
  parseCertificate,
  type Issuer,
  type KeyPair,
  type KeySpec,
} from '../../pki/index.js';
import type { CertificateProfile } from '../certificate-profile.js';

/** The day on which tests take place. */
export const today = new Date('2026-11-24T12:00:00Z');
export const years = (from: Date, count: number): Date => new Date(from.getTime() + count * 365 * 86_400_000);

const validity = { notBefore: new Date('2026-11-01T00:00:00Z'), notAfter: years(today, 30) };
const addresses = ['10.240.255.5', '127.0.0.1', '10.240.255.15', '10.240.255.6', '10.240.255.7', '10.0.0.1'];
const services = [
  'kubernetes',
  'kubernetes.default',
  'kubernetes.default.svc',
  'kubernetes.default.svc.cluster.local',
];

/** What is out of the ordinary in a leaf. */
export interface Wish {
  readonly sans?: readonly string[];
  readonly usages?: readonly string[];
  readonly subject?: { readonly commonName: string; readonly organization?: string };
  readonly validity?: { readonly notBefore: Date; readonly notAfter: Date };
  readonly key?: KeySpec;
  readonly issuer?: Issuer;
}

export interface ProfileWishes {
  readonly ca?: Issuer;
  readonly fqdn?: string;
  readonly masters?: number;
  /** By the beginning of a field's name: `apiServer`, `etcdPeer`, … */
  readonly leaves?: Readonly<Record<string, Wish>>;
}

const ec: KeySpec = { type: 'ec', curve: 'prime256v1' };
let shared: Promise<KeyPair> | undefined;
/** One key for all that do not need their own: making keys is what takes time. */
const sharedKey = (): Promise<KeyPair> => (shared ??= generateKey(ec));

/** A CA named as aks-engine names all of them. */
export async function authority(
  wish: {
    commonName?: string;
    key?: KeyPair;
    notBefore?: Date;
    notAfter?: Date;
    keyIdentifier?: 'none';
  } = {},
): Promise<Issuer> {
  const key = wish.key ?? (await generateKey(ec));
  const { commonName = 'ca', notBefore = validity.notBefore, notAfter = validity.notAfter } = wish;
  const certificate = mintAuthority({
    commonName,
    key,
    validity: { notBefore, notAfter },
    keyIdentifier: wish.keyIdentifier ?? 'sha256',
  });
  return { certificate, privatePem: key.privatePem };
}

/** A whole profile as aks-engine makes it, but for the keys' kind and what the wishes say. */
export async function profileOf(wishes: ProfileWishes = {}): Promise<CertificateProfile> {
  const ca = wishes.ca ?? (await authority());
  const fqdn = wishes.fqdn ?? 'labcluster.local.cloudapp.azurestack.test';
  const make = async (name: string, usual: Wish): Promise<[string, string]> => {
    const wish = { ...usual, ...wishes.leaves?.[name] };
    const key = wish.key ? await generateKey(wish.key) : await sharedKey();
    const certificate = mintNewLeaf({
      commonName: name.toLowerCase(),
      ...wish.subject,
      ...(wish.sans ? { sans: wish.sans } : {}),
      extendedKeyUsages: wish.usages ?? [],
      issuer: wish.issuer ?? ca,
      key,
      validity: wish.validity ?? validity,
    });
    return [certificate.pem, key.privatePem];
  };
  const admin: Wish = {
    usages: ['clientAuth'],
    subject: { commonName: 'client', organization: 'system:masters' },
  };
  const etcd: Wish = { usages: ['serverAuth', 'clientAuth'], sans: addresses };
  const [apiServerCertificate, apiServerPrivateKey] = await make('apiServer', {
    usages: ['serverAuth'],
    sans: [fqdn, 'localhost', ...services, ...addresses],
  });
  const [clientCertificate, clientPrivateKey] = await make('client', admin);
  const [kubeConfigCertificate, kubeConfigPrivateKey] = await make('kubeConfig', admin);
  const [etcdServerCertificate, etcdServerPrivateKey] = await make('etcdServer', etcd);
  const [etcdClientCertificate, etcdClientPrivateKey] = await make('etcdClient', etcd);
  const peers: [string, string][] = [];
  for (let index = 0; index < (wishes.masters ?? 3); index += 1) peers.push(await make('etcdPeer', etcd));
  return {
    caCertificate: ca.certificate.pem,
    caPrivateKey: ca.privatePem,
    ...{ apiServerCertificate, apiServerPrivateKey, clientCertificate, clientPrivateKey },
    ...{ kubeConfigCertificate, kubeConfigPrivateKey, etcdServerCertificate, etcdServerPrivateKey },
    ...{ etcdClientCertificate, etcdClientPrivateKey },
    etcdPeerCertificates: peers.map(([certificate]) => certificate),
    etcdPeerPrivateKeys: peers.map(([, key]) => key),
  };
}

/** The CA of a profile, to sign more with. */
export function issuerOf({ caCertificate, caPrivateKey }: CertificateProfile): Issuer {
  return { certificate: parseCertificate(caCertificate, 'CA'), privatePem: caPrivateKey ?? '' };
}
