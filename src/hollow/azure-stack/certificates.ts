import { generateKey, mintAuthority, mintNewLeaf } from '../../pki/index.js';

/** A CA of the stand-in's own, and a serving certificate that it signed. PEM. */
export interface StackCertificates {
  readonly ca: string;
  readonly certificate: string;
  readonly key: string;
}

const dayMs = 24 * 3600 * 1000;

/** Makes them for the given host names and addresses; they last 30 days. */
export async function makeStackCertificates(hosts: readonly string[]): Promise<StackCertificates> {
  const [authorityKey, key] = await Promise.all([
    generateKey({ type: 'ec', curve: 'prime256v1' }),
    generateKey({ type: 'ec', curve: 'prime256v1' }),
  ]);
  const now = Date.now();
  const validity = { notBefore: new Date(now - dayMs), notAfter: new Date(now + 30 * dayMs) };
  const authority = mintAuthority({
    commonName: 'AzureStackSelfSignedRootCert',
    key: authorityKey,
    validity,
  });
  const leaf = mintNewLeaf({
    commonName: hosts[0] ?? 'localhost',
    sans: hosts,
    extendedKeyUsages: ['serverAuth'],
    issuer: { certificate: authority, privatePem: authorityKey.privatePem },
    key,
    validity,
  });
  return { ca: authority.pem, certificate: leaf.pem, key: key.privatePem };
}
