import { z } from 'zod';

const PEM = z.string('a PEM text').min(1, 'a PEM text');

/** Schema of the `certificateProfile` of an API model: PEM texts; a CA whose key is kept elsewhere has none. */
export const certificateProfileSchema = z.looseObject(
  {
    caCertificate: PEM,
    caPrivateKey: z.string().optional(),
    apiServerCertificate: PEM,
    apiServerPrivateKey: PEM,
    clientCertificate: PEM,
    clientPrivateKey: PEM,
    kubeConfigCertificate: PEM,
    kubeConfigPrivateKey: PEM,
    etcdServerCertificate: PEM,
    etcdServerPrivateKey: PEM,
    etcdClientCertificate: PEM,
    etcdClientPrivateKey: PEM,
    etcdPeerCertificates: z.array(PEM, 'a list of PEM texts, one a master'),
    etcdPeerPrivateKeys: z.array(PEM, 'a list of PEM texts, one a master'),
  },
  'the certificateProfile that aks-engine writes into apimodel.json when it generates or deploys a cluster',
);

/** PEM texts of all certificates and keys of a cluster that its API model holds. */
export interface CertificateProfile {
  readonly caCertificate: string;
  /** Absent when the CA's key is not in the model: then no bridge can be made from it. */
  readonly caPrivateKey?: string;
  readonly apiServerCertificate: string;
  readonly apiServerPrivateKey: string;
  readonly clientCertificate: string;
  readonly clientPrivateKey: string;
  readonly kubeConfigCertificate: string;
  readonly kubeConfigPrivateKey: string;
  readonly etcdServerCertificate: string;
  readonly etcdServerPrivateKey: string;
  readonly etcdClientCertificate: string;
  readonly etcdClientPrivateKey: string;
  /** One a master, in the order of the masters. */
  readonly etcdPeerCertificates: readonly string[];
  readonly etcdPeerPrivateKeys: readonly string[];
}

const PREFIXES = ['ca', 'apiServer', 'client', 'kubeConfig', 'etcdServer', 'etcdClient'] as const;

/** One value of a profile and where it stands in it. */
export interface ProfileValue {
  readonly path: readonly (string | number)[];
  readonly pem: string;
}

/** A certificate of a profile with its key; only a CA may lack the key. */
export interface ProfilePair {
  readonly certificate: ProfileValue;
  readonly key?: ProfileValue;
}

/** All pairs of a profile, the CA first, then the leaves, then etcd's peers in the order of the masters. */
export function profilePairs(profile: CertificateProfile): ProfilePair[] {
  const named = PREFIXES.map((prefix) => {
    const key = profile[`${prefix}PrivateKey`];
    return {
      certificate: { path: [`${prefix}Certificate`], pem: profile[`${prefix}Certificate`] },
      ...(key === undefined ? {} : { key: { path: [`${prefix}PrivateKey`], pem: key } }),
    };
  });
  const peers = profile.etcdPeerCertificates.map((pem, index) => ({
    certificate: { path: ['etcdPeerCertificates', index], pem },
    key: { path: ['etcdPeerPrivateKeys', index], pem: profile.etcdPeerPrivateKeys[index] ?? '' },
  }));
  return [...named, ...peers];
}

/** All values of a profile: each certificate, then its key. */
export const profileValues = (profile: CertificateProfile): ProfileValue[] =>
  profilePairs(profile).flatMap(({ certificate, key }) => (key ? [certificate, key] : [certificate]));

/** A profile that a schema has read, without what is unknown and without an empty CA key. */
export function toProfile(read: z.output<typeof certificateProfileSchema>): CertificateProfile {
  const { caPrivateKey, ...rest } = certificateProfileSchema.strip().parse(read);
  return { ...rest, ...(caPrivateKey === undefined || caPrivateKey.trim() === '' ? {} : { caPrivateKey }) };
}
