import { generateKey, mintAuthority, mintNewLeaf, type Issuer, type KeySpec } from '../../pki/index.js';
import type { Credentials } from '../types.js';

const DAY = 86_400_000;

/** A certificate with its key, in PEM. */
export interface Pair {
  readonly cert: string;
  readonly key: string;
}

/** A CA for tests. */
export interface TestCa {
  readonly pem: string;
  server(sans: readonly string[], lifetime?: 'valid' | 'expired'): Promise<Pair>;
  client(commonName: string): Promise<Pair>;
  credentials(commonName?: string): Promise<Credentials>;
}

const EC: KeySpec = { type: 'ec', curve: 'prime256v1' };

function validity(days: number) {
  const now = Date.now();
  return { notBefore: new Date(now - 10 * DAY), notAfter: new Date(now + days * DAY) };
}

/** Makes a CA; `spec` is the kind of all its keys. */
export async function makeCa(commonName: string, spec: KeySpec = EC): Promise<TestCa> {
  const key = await generateKey(spec);
  const certificate = mintAuthority({ commonName, key, validity: validity(100) });
  const issuer: Issuer = { certificate, privatePem: key.privatePem };
  const leaf = async (name: string, sans: readonly string[], usage: string, days: number): Promise<Pair> => {
    const leafKey = await generateKey(spec);
    const minted = mintNewLeaf({
      commonName: name,
      sans,
      extendedKeyUsages: [usage],
      issuer,
      key: leafKey,
      validity: validity(days),
    });
    return { cert: minted.pem, key: leafKey.privatePem };
  };
  return {
    pem: certificate.pem,
    server: (sans, lifetime = 'valid') =>
      leaf('apiserver', sans, 'serverAuth', lifetime === 'valid' ? 50 : -1),
    client: (name) => leaf(name, [], 'clientAuth', 50),
    credentials: async (name = 'admin') => ({
      ca: certificate.pem,
      ...(await leaf(name, [], 'clientAuth', 50)),
    }),
  };
}
