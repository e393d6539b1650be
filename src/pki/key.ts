import { createHash, createPrivateKey, createPublicKey, generateKeyPair, type KeyObject } from 'node:crypto';
import { elements } from './der.js';
import { PkiError } from './error.js';
import { describePem } from './pem.js';

/** What kind of key to make. Curves by OpenSSL's name: `prime256v1`, `secp384r1`, `secp521r1`. */
export type KeySpec =
  { readonly type: 'rsa'; readonly bits: number } | { readonly type: 'ec'; readonly curve: string };

/** A key pair in PEM: private as PKCS#1 "RSA PRIVATE KEY" or SEC1 "EC PRIVATE KEY", public as SPKI. */
export interface KeyPair {
  readonly privatePem: string;
  readonly publicPem: string;
  /** SHA-256 hex of the DER SubjectPublicKeyInfo. */
  readonly fingerprint: string;
}

/** How a subject key identifier is made of a public key. `sha256` is RFC 7093 method 1, as Go does today. */
export type KeyIdentifierMethod = 'sha1' | 'sha256' | 'none';

/**
 * Makes a key pair off the main thread. Every call makes another one.
 * @throws whatever OpenSSL says about an impossible size or curve
 */
export async function generateKey(spec: KeySpec): Promise<KeyPair> {
  const privateKey = await generate(spec);
  const privatePem = privateKey.export({ type: spec.type === 'rsa' ? 'pkcs1' : 'sec1', format: 'pem' });
  return keyPair(privatePem.toString());
}

/**
 * The pair of a private key that already exists.
 * @throws PkiError when the text is no unencrypted private key
 */
export function keyPair(privatePem: string, where = 'private key'): KeyPair {
  const publicKey = createPublicKey(readPrivateKey(privatePem, where));
  const publicPem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
  return { privatePem: oneNewline(privatePem), publicPem, fingerprint: fingerprintOf(publicKey) };
}

/**
 * SHA-256 hex of the DER SubjectPublicKeyInfo of a private key, a public key or a certificate in PEM.
 * @throws PkiError when the text is none of them; never with any of the key in its message
 */
export function publicKeyFingerprint(pem: string, where = 'key'): string {
  return fingerprintOf(readPublicKey(pem, where));
}

/** Whether a private or public key belongs to a certificate. @throws PkiError when the key cannot be read */
export function matches(certificate: { readonly pem: string }, keyPem: string, where = 'key'): boolean {
  return publicKeyFingerprint(keyPem, where) === publicKeyFingerprint(certificate.pem, where);
}

/** @throws PkiError saying what was found instead of an unencrypted RSA or EC private key */
export function readPrivateKey(pem: string, where: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (cause) {
    throw unreadable(pem, where, 'an unencrypted RSA or EC private key', cause);
  }
}

/** The DER SubjectPublicKeyInfo of a key in PEM. */
export const subjectPublicKeyInfo = (pem: string, where = 'key'): Buffer =>
  readPublicKey(pem, where).export({ type: 'spki', format: 'der' });

/**
 * A key identifier of a SubjectPublicKeyInfo: over the bits of its BIT STRING, 20 bytes.
 * For CAs of its own a new one uses SHA-1 as RFC 5280, 4.2.1.2 (1) says; it is a name, not a security measure.
 */
export function keyIdentifier(
  spki: Uint8Array,
  method: Exclude<KeyIdentifierMethod, 'none'> = 'sha1',
): Buffer {
  const bits = elements(elements(spki)[0]?.content ?? Buffer.alloc(0))[1]?.content.subarray(1);
  if (!bits) throw new PkiError('expected a SubjectPublicKeyInfo, found DER of another structure');
  return createHash(method).update(bits).digest().subarray(0, 20);
}

/** The kind of key that replaces a certificate's: as strong or stronger, RSA 2048 at least. */
export function keySpecLike(certificate: { readonly keyType: string; readonly keyBits: number }): KeySpec {
  if (certificate.keyType === 'rsa') return { type: 'rsa', bits: Math.max(2048, certificate.keyBits) };
  const curve =
    certificate.keyBits > 384 ? 'secp521r1' : certificate.keyBits > 256 ? 'secp384r1' : 'prime256v1';
  return { type: 'ec', curve };
}

function readPublicKey(pem: string, where: string): KeyObject {
  try {
    return createPublicKey(pem);
  } catch (cause) {
    throw unreadable(pem, where, 'an unencrypted RSA or EC key', cause);
  }
}

function unreadable(pem: string, where: string, expected: string, cause: unknown): PkiError {
  return new PkiError(`${where}: found ${describePem(pem)}; expected ${expected} in PEM`, { cause });
}

const fingerprintOf = (key: KeyObject): string =>
  createHash('sha256')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest('hex');

const oneNewline = (pem: string): string => `${pem.trimEnd()}\n`;

function generate(spec: KeySpec): Promise<KeyObject> {
  return new Promise((resolve, reject) => {
    const done = (error: Error | null, _publicKey: KeyObject, privateKey: KeyObject): void =>
      error ? reject(error) : resolve(privateKey);
    if (spec.type === 'rsa') generateKeyPair('rsa', { modulusLength: spec.bits }, done);
    else generateKeyPair('ec', { namedCurve: spec.curve }, done);
  });
}
