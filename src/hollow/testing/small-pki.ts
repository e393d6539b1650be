import {
  generateKey,
  mintAuthority,
  mintBridge,
  mintNewLeaf,
  type Certificate,
  type Issuer,
  type KeyPair,
} from '../../pki/index.js';

const day = 24 * 3600 * 1000;
const ec = { type: 'ec', curve: 'prime256v1' } as const;

function validity(days: number) {
  const start = Math.floor(Date.now() / 1000) * 1000 - 60_000;
  return { notBefore: new Date(start), notAfter: new Date(start + days * day) };
}

export interface Authority extends Issuer {
  readonly key: KeyPair;
  readonly pem: string;
}

export interface Leaf {
  readonly cert: string;
  readonly key: string;
}

/** A self-signed CA with an EC key. */
export async function authority(commonName: string): Promise<Authority> {
  const key = await generateKey(ec);
  return ofKey(mintAuthority({ commonName, key, validity: validity(20) }), key);
}

function ofKey(certificate: Certificate, key: KeyPair): Authority {
  return { certificate, privatePem: key.privatePem, key, pem: certificate.pem };
}

/** The new CA signed by the old one, PEM. */
export function bridgeOf(fresh: Authority, old: Authority): string {
  const { certificate: newCa } = fresh;
  const { certificate: oldCa, privatePem: oldCaKey } = old;
  return mintBridge({ newCa, oldCa, oldCaKey, validity: validity(20) }).pem;
}

/** A leaf of a CA, good for servers and clients. */
export async function leaf(
  issuer: Authority,
  commonName: string,
  more: { readonly organization?: string; readonly sans?: readonly string[] } = {},
): Promise<Leaf> {
  const key = await generateKey(ec);
  const certificate = mintNewLeaf({
    commonName,
    ...more,
    extendedKeyUsages: ['serverAuth', 'clientAuth'],
    issuer,
    key,
    validity: validity(10),
  });
  return { cert: certificate.pem, key: key.privatePem };
}
