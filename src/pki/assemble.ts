import { randomBytes, sign, type KeyObject } from 'node:crypto';
import { parseDer, type Certificate } from './certificate.js';
import { bitString, element, integer, oid, sequence, Tag, time } from './der.js';
import { PkiError } from './error.js';
import { readPrivateKey } from './key.js';

/** From when until when a certificate is valid, whole seconds. */
export interface Validity {
  readonly notBefore: Date;
  readonly notAfter: Date;
}

/** What a certificate is made of; names, key and extensions as DER. */
export interface Ingredients {
  readonly issuer: Uint8Array;
  readonly subject: Uint8Array;
  readonly subjectPublicKeyInfo: Uint8Array;
  readonly validity: Validity;
  readonly extensions: readonly Uint8Array[];
}

interface Signature {
  readonly identifier: Buffer;
  readonly digest: string;
}

const VERSION_3 = element(0xa0, integer(Buffer.from([2])));
const EXTENSIONS = 0xa3;

const RSA: Signature = {
  identifier: sequence(oid('1.2.840.113549.1.1.11'), element(Tag.null)),
  digest: 'sha256',
};
const ECDSA: Readonly<Record<string, Signature>> = {
  prime256v1: { identifier: sequence(oid('1.2.840.10045.4.3.2')), digest: 'sha256' },
  secp384r1: { identifier: sequence(oid('1.2.840.10045.4.3.3')), digest: 'sha384' },
  secp521r1: { identifier: sequence(oid('1.2.840.10045.4.3.4')), digest: 'sha512' },
};

/**
 * Puts a version 3 certificate together and signs it with the issuer's key: SHA-256 with RSA, or ECDSA with
 * the hash of the curve's size. Every call gives another serial number.
 * @throws PkiError when the key is of another type or the validity is empty
 */
export function assemble(ingredients: Ingredients, issuerKeyPem: string): Certificate {
  const { notBefore, notAfter } = ingredients.validity;
  if (notAfter <= notBefore) {
    throw new PkiError(
      `a certificate from ${notBefore.toISOString()} until ${notAfter.toISOString()} is never valid`,
    );
  }
  const key = readPrivateKey(issuerKeyPem, "issuer's private key");
  const signature = signatureFor(key);
  const tbs = sequence(
    VERSION_3,
    integer(serialNumber()),
    signature.identifier,
    ingredients.issuer,
    sequence(time(notBefore), time(notAfter)),
    ingredients.subject,
    ingredients.subjectPublicKeyInfo,
    element(EXTENSIONS, sequence(...ingredients.extensions)),
  );
  const value = bitString(sign(signature.digest, tbs, key));
  return parseDer(sequence(tbs, signature.identifier, value), 'new certificate');
}

/** 20 random bytes, positive and never shorter: the most that RFC 5280 allows. */
function serialNumber(): Buffer {
  const bytes = randomBytes(20);
  bytes.writeUInt8((bytes.readUInt8(0) & 0x3f) | 0x40, 0);
  return bytes;
}

function signatureFor(key: KeyObject): Signature {
  const found = key.asymmetricKeyType === 'rsa' ? RSA : ECDSA[key.asymmetricKeyDetails?.namedCurve ?? ''];
  if (!found) {
    throw new PkiError(
      `issuer's private key: found ${key.asymmetricKeyType ?? 'an unknown type'}; expected RSA, P-256, P-384 or P-521`,
    );
  }
  return found;
}
