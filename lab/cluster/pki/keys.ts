import { createHash, createPublicKey, generateKeyPair, webcrypto, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';

const generate = promisify(generateKeyPair);

/** A new RSA key; made on another thread, so that several are made at once. */
export async function rsaKey(bits: 2048 | 4096): Promise<KeyObject> {
  return (await generate('rsa', { modulusLength: bits })).privateKey;
}

/** The key as `BEGIN RSA PRIVATE KEY`, which is what AKS Engine writes. */
export function keyPem(key: KeyObject): string {
  return key.export({ type: 'pkcs1', format: 'pem' }).toString();
}

/** The key in the form that @peculiar/x509 signs with. */
export async function signingPair(key: KeyObject): Promise<CryptoKeyPair> {
  const algorithm = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' };
  const { subtle } = webcrypto;
  const privateDer = key.export({ type: 'pkcs8', format: 'der' });
  const publicDer = createPublicKey(key).export({ type: 'spki', format: 'der' });
  return {
    privateKey: await subtle.importKey('pkcs8', privateDer, algorithm, true, ['sign']),
    publicKey: await subtle.importKey('spki', publicDer, algorithm, true, ['verify']),
  };
}

/**
 * A subject key identifier as today's Go makes it: SHA-256 of the public key (the bit string's content, which for RSA
 * is the PKCS#1 key), cut to 20 bytes; in hexadecimal.
 */
export function goKeyIdentifier(key: KeyObject): string {
  return identifier(key, 'sha256');
}

/** A subject key identifier as OpenSSL makes it: SHA-1 of the public key; in hexadecimal. */
export function opensslKeyIdentifier(key: KeyObject): string {
  return identifier(key, 'sha1');
}

function identifier(key: KeyObject, algorithm: string): string {
  const content = createPublicKey(key).export({ type: 'pkcs1', format: 'der' });
  return createHash(algorithm).update(content).digest('hex').slice(0, 40);
}

type CryptoKeyPair = { privateKey: webcrypto.CryptoKey; publicKey: webcrypto.CryptoKey };
