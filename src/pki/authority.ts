import { randomBytes } from 'node:crypto';
import { assemble, type Validity } from './assemble.js';
import type { Certificate } from './certificate.js';
import { authorityKeyIdentifier, basicConstraints, keyUsage, subjectKeyIdentifier } from './extensions.js';
import { fieldsOf } from './fields.js';
import { keyIdentifier, subjectPublicKeyInfo, type KeyIdentifierMethod, type KeyPair } from './key.js';
import type { KeyUsage } from './names.js';
import { newName, withCommonName } from './subject.js';

export interface AuthorityRequest {
  /** The CA that is replaced: its subject but for the common name, and its key usages, are kept. */
  readonly like?: Certificate;
  readonly commonName: string;
  readonly key: KeyPair;
  readonly validity: Validity;
  /** Default `sha1` (RFC 5280, 4.2.1.2). The others are for building what older or newer tools make. */
  readonly keyIdentifier?: KeyIdentifierMethod;
}

/**
 * Mints a self-signed CA without a path length; its keyUsage is what the old CA's allows plus keyCertSign
 * and cRLSign, both key identifiers name its key. Every call mints another certificate.
 */
export function mintAuthority(request: AuthorityRequest): Certificate {
  const spki = subjectPublicKeyInfo(request.key.publicPem);
  const subject = request.like
    ? withCommonName(fieldsOf(request.like.der).subject, request.commonName)
    : newName(request.commonName);
  const method = request.keyIdentifier ?? 'sha1';
  const identifier = method === 'none' ? undefined : keyIdentifier(spki, method);
  const extensions = [
    keyUsage(authorityUsages(request.like)),
    basicConstraints(true),
    ...(identifier ? [subjectKeyIdentifier(identifier), authorityKeyIdentifier(identifier)] : []),
  ];
  return assemble(
    { issuer: subject, subject, subjectPublicKeyInfo: spki, validity: request.validity, extensions },
    request.key.privatePem,
  );
}

/** A common name that no earlier CA has: `<prefix>-<yyyymmdd>-<6 hex>`, the day in UTC. */
export function newCaCommonName(now: Date, prefix = 'ca'): string {
  const day = now.toISOString().slice(0, 10).replaceAll('-', '');
  return `${prefix}-${day}-${randomBytes(3).toString('hex')}`;
}

function authorityUsages(like: Certificate | undefined): KeyUsage[] {
  const kept: readonly KeyUsage[] = like && like.keyUsages.length > 0 ? like.keyUsages : ['digitalSignature'];
  return [...new Set<KeyUsage>([...kept, 'keyCertSign', 'cRLSign'])];
}
