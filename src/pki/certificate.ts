import 'reflect-metadata';
import { createHash, X509Certificate as NodeCertificate, type KeyObject } from 'node:crypto';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  KeyUsagesExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
} from '@peculiar/x509';
import { dotted, elements } from './der.js';
import { PkiError } from './error.js';
import { fieldsOf, type CertificateFields } from './fields.js';
import { kept } from './kept.js';
import { extendedKeyUsageName, ExtensionOid, KEY_USAGES, signatureName, type KeyUsage } from './names.js';
import { describePem, pemBlocks, toPem } from './pem.js';
import { readSans } from './san.js';

/** A certificate as data. Hexadecimal is lower case without separators. */
export interface Certificate {
  /** One block, 64 characters a line, exactly one newline at its end. */
  readonly pem: string;
  readonly der: Buffer;
  /** RFC 4514-like text for people, e.g. `O=system:masters, CN=client`; compare `der`, not this. */
  readonly subject: string;
  readonly issuer: string;
  /** The last common name of the subject, or '' when it has none. */
  readonly commonName: string;
  readonly serial: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly isCa: boolean;
  readonly pathLength?: number;
  readonly subjectKeyId?: string;
  readonly authorityKeyId?: string;
  /** All alternative names in order: `DNS:…`, `IP:…`, `URI:…`, `email:…`, `other:<hex>`. */
  readonly sans: readonly string[];
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
  /** Names like `serverAuth`, or dotted identifiers; empty when the extension is absent (any usage). */
  readonly extendedKeyUsages: readonly string[];
  /** Empty when the extension is absent (any usage). */
  readonly keyUsages: readonly KeyUsage[];
  /** SHA-256 of the DER SubjectPublicKeyInfo. */
  readonly publicKeyFingerprint: string;
  /** SHA-256 of the whole DER. */
  readonly fingerprint: string;
  /** `rsa`, `ec`, `ed25519`, … */
  readonly keyType: string;
  readonly keyBits: number;
  readonly signatureAlgorithm: string;
}

const CURVE_BITS: Readonly<Record<string, number>> = { prime256v1: 256, secp384r1: 384, secp521r1: 521 };

/**
 * All certificates of a PEM text, in order; blocks of another kind (a key beside it) are passed over.
 * @param where file or field name for errors
 * @throws PkiError when there is none or one of them cannot be read; says what was found and expected
 */
export function parseCertificates(pem: string, where: string): Certificate[] {
  const blocks = pemBlocks(pem, where).filter(({ label }) => label === 'CERTIFICATE');
  if (blocks.length === 0) {
    throw new PkiError(`${where}: found ${describePem(pem)}; expected at least one CERTIFICATE in PEM`);
  }
  return blocks.map(({ der }, index) =>
    parseDer(der, `${where}: certificate ${index + 1} of ${blocks.length}`),
  );
}

/** The one certificate of a PEM text. @throws PkiError when there is none or more than one */
export function parseCertificate(pem: string, where: string): Certificate {
  const [first, ...more] = parseCertificates(pem, where);
  if (!first || more.length > 0) {
    throw new PkiError(`${where}: found ${more.length + 1} certificates; expected exactly one`);
  }
  return first;
}

/** What it gives is shared and must not be changed. @throws PkiError when the bytes are no certificate */
export function parseDer(der: Uint8Array, where: string): Certificate {
  try {
    return readOnce(Buffer.from(der).toString('latin1'));
  } catch (cause) {
    if (cause instanceof PkiError) throw new PkiError(`${where}: ${cause.message}`, { cause });
    throw new PkiError(`${where}: found bytes that are no X.509 certificate; expected one in DER`, { cause });
  }
}

/** A rotation meets the same few certificates again and again, on every node and at every barrier. */
const readOnce = kept(1_000, (bytes) => read(Buffer.from(bytes, 'latin1')));

function read(der: Buffer): Certificate {
  const parsed = new X509Certificate(der);
  const fields = fieldsOf(der);
  const sanField = fields.extensions.find(({ oid }) => oid === ExtensionOid.subjectAltName);
  const sans = sanField ? readSans(sanField.value) : [];
  return {
    pem: toPem('CERTIFICATE', der),
    der,
    subject: parsed.subject,
    issuer: parsed.issuer,
    commonName: parsed.subjectName.getField('CN').at(-1) ?? '',
    serial: fields.serial.toString('hex').replace(/^00(?=.)/, ''),
    notBefore: parsed.notBefore,
    notAfter: parsed.notAfter,
    ...constraintsOf(parsed),
    ...identifiersOf(parsed),
    sans,
    dnsNames: labelledAs('DNS:', sans),
    ipAddresses: labelledAs('IP:', sans),
    extendedKeyUsages: extendedKeyUsagesOf(fields),
    keyUsages: keyUsagesOf(parsed),
    publicKeyFingerprint: sha256(fields.subjectPublicKeyInfo),
    fingerprint: sha256(der),
    ...keyOf(new NodeCertificate(der).publicKey),
    signatureAlgorithm: signatureName(fields.signatureAlgorithmOid),
  };
}

function constraintsOf(parsed: X509Certificate): Pick<Certificate, 'isCa' | 'pathLength'> {
  const constraints = parsed.getExtension(BasicConstraintsExtension);
  const pathLength = constraints?.pathLength;
  return { isCa: constraints?.ca ?? false, ...(pathLength === undefined ? {} : { pathLength }) };
}

function identifiersOf(parsed: X509Certificate): Pick<Certificate, 'subjectKeyId' | 'authorityKeyId'> {
  const subject = parsed.getExtension(SubjectKeyIdentifierExtension)?.keyId;
  const authority = parsed.getExtension(AuthorityKeyIdentifierExtension)?.keyId;
  return {
    ...(subject ? { subjectKeyId: subject } : {}),
    ...(authority ? { authorityKeyId: authority } : {}),
  };
}

function keyUsagesOf(parsed: X509Certificate): KeyUsage[] {
  const flags: number = parsed.getExtension(KeyUsagesExtension)?.usages ?? 0;
  return KEY_USAGES.filter((_name, bit) => (flags & (1 << bit)) !== 0);
}

function extendedKeyUsagesOf({ extensions }: CertificateFields): string[] {
  const field = extensions.find(({ oid }) => oid === ExtensionOid.extendedKeyUsage);
  const list = elements(field?.value ?? Buffer.alloc(0))[0];
  return elements(list?.content ?? Buffer.alloc(0)).map(({ content }) =>
    extendedKeyUsageName(dotted(content)),
  );
}

function keyOf(key: KeyObject): Pick<Certificate, 'keyType' | 'keyBits'> {
  const details = key.asymmetricKeyDetails;
  const keyBits = details?.modulusLength ?? CURVE_BITS[details?.namedCurve ?? ''] ?? 256;
  return { keyType: key.asymmetricKeyType ?? 'unknown', keyBits };
}

const labelledAs = (label: string, names: readonly string[]): string[] =>
  names.filter((name) => name.startsWith(label)).map((name) => name.slice(label.length));

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
