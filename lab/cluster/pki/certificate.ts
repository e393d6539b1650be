import 'reflect-metadata';
import { randomBytes, webcrypto, type KeyObject } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import { signingPair } from './keys.js';

x509.cryptoProvider.set(webcrypto);

/** Who signs: a subject, its key, and the identifier its certificates name it by. */
export interface Issuer {
  readonly subject: string;
  readonly key: KeyObject;
  readonly keyIdentifier: string;
}

/** What a certificate says besides its key and validity. */
export interface Contents {
  /** A distinguished name such as `O=system:masters, CN=client`. */
  readonly subject: string;
  readonly extensions: readonly x509.Extension[];
}

/** From when until when a certificate is valid; X.509 knows whole seconds. */
export interface Validity {
  readonly notBefore: Date;
  readonly notAfter: Date;
}

/** So many days from a moment on. */
export function daysFrom(moment: Date, days: number): Validity {
  const notBefore = new Date(Math.floor(moment.getTime() / 1000) * 1000);
  return { notBefore, notAfter: new Date(notBefore.getTime() + days * 24 * 3600 * 1000) };
}

/**
 * A certificate for `key`, signed by `issuer`.
 * @returns PEM with one newline at its end
 */
export async function certify(
  key: KeyObject,
  contents: Contents,
  issuer: Issuer,
  validity: Validity,
): Promise<string> {
  const made = await x509.X509CertificateGenerator.create({
    serialNumber: randomBytes(16).toString('hex'),
    subject: contents.subject,
    issuer: issuer.subject,
    notBefore: validity.notBefore,
    notAfter: validity.notAfter,
    signingAlgorithm: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
    publicKey: (await signingPair(key)).publicKey,
    signingKey: (await signingPair(issuer.key)).privateKey,
    extensions: [...contents.extensions],
  });
  return `${made.toString('pem')}\n`;
}

const { serverAuth, clientAuth } = x509.ExtendedKeyUsage;

export const usage = {
  server: [serverAuth],
  client: [clientAuth],
  both: [serverAuth, clientAuth],
} as const;

/** Subject alternative names: DNS names and IP addresses, in this order. */
export interface Names {
  readonly dns: readonly string[];
  readonly ips: readonly string[];
}

/** The extensions of a leaf as Go's x509 package orders them. */
export function leafExtensions(usages: readonly string[], issuer: Issuer, names?: Names): x509.Extension[] {
  const general = [
    ...(names?.dns ?? []).map((value) => ({ type: 'dns' as const, value })),
    ...(names?.ips ?? []).map((value) => ({ type: 'ip' as const, value })),
  ];
  return [
    new x509.KeyUsagesExtension(
      x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyEncipherment,
      true,
    ),
    new x509.ExtendedKeyUsageExtension([...usages]),
    new x509.BasicConstraintsExtension(false, undefined, true),
    new x509.AuthorityKeyIdentifierExtension(issuer.keyIdentifier),
    ...(general.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension(general)]),
  ];
}

/** The extensions of a CA that Go's x509 package made. */
export function goAuthorityExtensions(keyIdentifier: string): x509.Extension[] {
  const { digitalSignature, keyEncipherment, keyCertSign } = x509.KeyUsageFlags;
  return [
    new x509.KeyUsagesExtension(digitalSignature | keyEncipherment | keyCertSign, true),
    new x509.BasicConstraintsExtension(true, undefined, true),
    new x509.SubjectKeyIdentifierExtension(keyIdentifier),
  ];
}

/** The extensions of `openssl req -x509` without a configuration of its own: always a CA. */
export function opensslSelfSignedExtensions(keyIdentifier: string): x509.Extension[] {
  return [
    new x509.SubjectKeyIdentifierExtension(keyIdentifier),
    new x509.AuthorityKeyIdentifierExtension(keyIdentifier),
    new x509.BasicConstraintsExtension(true, undefined, true),
  ];
}
