import { createPrivateKey, randomUUID, sign, X509Certificate, type KeyObject } from 'node:crypto';
import { AzureError } from './error.js';
import type { AzureCredential } from './options.js';

type CertificateCredential = Extract<AzureCredential, { method: 'client_certificate' }>;

/** How long one assertion may be used. */
const lifetimeSeconds = 600;

/**
 * The JWT by which a client proves that it holds a certificate's key (RFC 7523): RS256 with the certificate's SHA-1
 * thumbprint in `x5t`, which is what AD FS takes and Azure AD accepts. Each one is another.
 * @param audience the token endpoint @param now ms
 * @throws AzureError when key or certificate cannot be used, or are no pair; never with any of the key in it
 */
export function clientAssertion(
  credential: CertificateCredential,
  clientId: string,
  audience: string,
  now: number,
): string {
  const { certificate, key } = readPair(credential);
  const seconds = Math.floor(now / 1000);
  const thumbprint = Buffer.from(certificate.fingerprint.replaceAll(':', ''), 'hex');
  const header = { alg: 'RS256', typ: 'JWT', x5t: thumbprint.toString('base64url') };
  const claims = {
    aud: audience,
    iss: clientId,
    sub: clientId,
    jti: randomUUID(),
    nbf: seconds - 60,
    exp: seconds + lifetimeSeconds,
  };
  const text = [header, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');
  return `${text}.${sign('RSA-SHA256', Buffer.from(text), key).toString('base64url')}`;
}

function readPair({ certificate, key }: CertificateCredential): {
  certificate: X509Certificate;
  key: KeyObject;
} {
  const leaf = read('--certificate-path', 'a certificate in PEM', () => new X509Certificate(certificate));
  const secret = read('--private-key-path', 'an unencrypted RSA key in PEM', () => createPrivateKey(key));
  if (secret.asymmetricKeyType !== 'rsa')
    throw unusable(
      '--private-key-path',
      `found a key of type ${secret.asymmetricKeyType ?? 'unknown'}`,
      'RSA',
    );
  if (!leaf.checkPrivateKey(secret))
    throw unusable(
      '--private-key-path',
      'found another key',
      'that of the certificate of --certificate-path',
    );
  return { certificate: leaf, key: secret };
}

function read<T>(flag: string, expected: string, make: () => T): T {
  try {
    return make();
  } catch {
    // What OpenSSL says of a text that is no key helps nobody.
    throw unusable(flag, 'cannot be read', expected);
  }
}

function unusable(flag: string, found: string, expected: string): AzureError {
  return new AzureError('settings', {
    where: flag,
    what: `${found}; expected ${expected}`,
    next: "give the service principal's certificate and its key",
  });
}
