import { z } from 'zod';
import { matches, parseCertificates, PkiError, type Certificate } from '../pki/index.js';
import { ModelError, pathText } from './apimodel-error.js';
import { parseJson, readText, validate } from './apimodel-file.js';

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

/**
 * Checks that every text is what its field says, that each key belongs to its certificate and that there is
 * a peer for each master.
 * @param at path of the profile inside the file
 * @throws ModelError naming the field; never with any of a key
 */
export function checkProfile(
  profile: CertificateProfile,
  masters: number,
  file: string,
  at: readonly string[],
): void {
  for (const field of ['etcdPeerCertificates', 'etcdPeerPrivateKeys'] as const) {
    const found = profile[field].length;
    if (found < masters || found !== profile.etcdPeerCertificates.length) {
      throw new ModelError(
        file,
        pathText([...at, field]),
        `found ${found}; expected ${masters}, one a master; use the model of this cluster as it was deployed last`,
      );
    }
  }
  for (const pair of profilePairs(profile)) checkPair(pair, file, at);
}

/**
 * Reads a file with a new set of certificates, `{"certificateProfile": {…}}`.
 * @throws ModelError as `checkProfile` does, or when the file is unreadable or of another form
 */
export async function readCertificateProfile(file: string, masters: number): Promise<CertificateProfile> {
  const advice = 'give a JSON file of the form {"certificateProfile": {…}} with PEM texts';
  const text = await readText(file, advice);
  const schema = z.looseObject({ certificateProfile: certificateProfileSchema });
  const secret = ['certificateProfile'];
  const read = validate(schema, parseJson(text, file, advice), { file, advice, secret });
  const profile = toProfile(read.certificateProfile);
  checkProfile(profile, masters, file, ['certificateProfile']);
  return profile;
}

function checkPair({ certificate, key }: ProfilePair, file: string, at: readonly string[]): void {
  const path = pathText([...at, ...certificate.path]);
  const parsed = inFile(file, path, () => firstOf(certificate.pem));
  if (!key) return;
  const keyPath = pathText([...at, ...key.path]);
  if (!inFile(file, keyPath, () => matches(parsed, key.pem, 'private key'))) {
    throw new ModelError(
      file,
      keyPath,
      `found a key that does not belong to ${path} (${parsed.subject}); expected its private key; ` +
        'take both from the same backup of this file',
    );
  }
}

function firstOf(pem: string): Certificate {
  const [first] = parseCertificates(pem, 'certificate');
  if (!first) throw new PkiError('found no certificate');
  return first;
}

function inFile<T>(file: string, path: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (!(cause instanceof PkiError)) throw cause;
    throw new ModelError(file, path, `${cause.message}; restore the file from its backup`, { cause });
  }
}
