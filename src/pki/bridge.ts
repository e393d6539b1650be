import { assemble, type Validity } from './assemble.js';
import type { Certificate } from './certificate.js';
import { PkiError } from './error.js';
import { authorityKeyIdentifier } from './extensions.js';
import { fieldsOf } from './fields.js';
import { keyPair, matches } from './key.js';
import { ExtensionOid } from './names.js';

export interface BridgeRequest {
  readonly newCa: Certificate;
  readonly oldCa: Certificate;
  /** Private key of the old CA in PEM. */
  readonly oldCaKey: string;
  readonly validity: Validity;
}

const SIGNING_KEYS = ['rsa', 'ec'];

/**
 * Mints the bridge: the new CA's subject, key and subject key identifier, signed by the old CA, so that who
 * trusts only the old CA accepts leaves of the new one. Its authority key identifier is a copy of the old
 * CA's own subject key identifier, or absent when that has none: OpenSSL refuses a chain in which they
 * differ, and how an old CA computed its own is not ours to guess. It outlives neither CA.
 * @throws PkiError with the reason that `bridgeObstacle` gives, or when one of the CAs has expired
 */
export function mintBridge({ newCa, oldCa, oldCaKey, validity }: BridgeRequest): Certificate {
  const obstacle = keyObstacle(oldCa, oldCaKey) ?? certificateObstacle(oldCa, newCa);
  if (obstacle !== undefined)
    throw new PkiError(`no bridge from ${oldCa.subject} to ${newCa.subject}: ${obstacle}`);
  const fields = fieldsOf(newCa.der);
  const kept = fields.extensions.filter(({ oid }) => oid !== ExtensionOid.authorityKeyIdentifier);
  const authority = oldCa.subjectKeyId;
  return assemble(
    {
      issuer: fieldsOf(oldCa.der).subject,
      subject: fields.subject,
      subjectPublicKeyInfo: fields.subjectPublicKeyInfo,
      validity: { notBefore: validity.notBefore, notAfter: earliest(validity, oldCa, newCa) },
      extensions: [
        ...kept.map(({ whole }) => whole),
        ...(authority === undefined ? [] : [authorityKeyIdentifier(Buffer.from(authority, 'hex'))]),
      ],
    },
    oldCaKey,
  );
}

/**
 * Why the old CA cannot sign a bridge, or undefined when it can. With a reason, a rotation goes by bundles
 * of both CAs instead.
 * @param oldCaKey private key in PEM; one that cannot be read is a reason too
 * @param newCa when it is known: the two must not have one subject, or OpenSSL takes one for the other
 */
export function bridgeObstacle(
  oldCa: Certificate,
  oldCaKey: string | undefined,
  now: Date,
  newCa?: Certificate,
): string | undefined {
  if (oldCa.notAfter <= now) return `the old CA expired on ${oldCa.notAfter.toISOString()}`;
  if (oldCa.notBefore > now) return `the old CA is not valid before ${oldCa.notBefore.toISOString()}`;
  return keyObstacle(oldCa, oldCaKey) ?? certificateObstacle(oldCa, newCa);
}

function keyObstacle(oldCa: Certificate, oldCaKey: string | undefined): string | undefined {
  if (oldCaKey === undefined || oldCaKey.trim() === '') return 'the private key of the old CA is missing';
  try {
    const key = keyPair(oldCaKey, 'private key of the old CA');
    if (!matches(oldCa, key.publicPem)) return 'the private key does not belong to the old CA';
  } catch (error) {
    if (error instanceof PkiError) return error.message;
    throw error;
  }
  if (!SIGNING_KEYS.includes(oldCa.keyType))
    return `the old CA's key is ${oldCa.keyType}, RSA or EC is needed`;
  return undefined;
}

function certificateObstacle(oldCa: Certificate, newCa: Certificate | undefined): string | undefined {
  if (!oldCa.isCa)
    return 'the old certificate is not a CA (basicConstraints), strict clients refuse what it signs';
  if (oldCa.pathLength === 0) return 'the old CA has pathlen:0, so no CA may follow it in a chain';
  if (oldCa.keyUsages.length > 0 && !oldCa.keyUsages.includes('keyCertSign')) {
    return 'the key usage of the old CA does not allow it to sign certificates';
  }
  // OpenSSL compares names without regard to case.
  if (newCa?.subject.toLowerCase() === oldCa.subject.toLowerCase())
    return `both CAs have the subject ${oldCa.subject}`;
  return undefined;
}

const earliest = (...validities: readonly Pick<Validity, 'notAfter'>[]): Date =>
  new Date(Math.min(...validities.map(({ notAfter }) => notAfter.getTime())));
