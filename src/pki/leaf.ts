import { assemble, type Validity } from './assemble.js';
import type { Certificate } from './certificate.js';
import { PkiError } from './error.js';
import {
  authorityKeyIdentifier,
  basicConstraints,
  extendedKeyUsage,
  keyUsage,
  subjectAltName,
  subjectKeyIdentifier,
} from './extensions.js';
import { fieldsOf, type ExtensionField } from './fields.js';
import { keyIdentifier, matches, subjectPublicKeyInfo, type KeyPair } from './key.js';
import { ExtensionOid, type KeyUsage } from './names.js';
import { appendSans } from './san.js';
import { newName } from './subject.js';

/** A CA that signs: its certificate and its private key in PEM. */
export interface Issuer {
  readonly certificate: Certificate;
  readonly privatePem: string;
}

export interface SelfSignedRequest {
  /** The certificate that is replaced: subject bytes, alternative names in order and all usages are kept. */
  readonly like: Certificate;
  /** DNS names and IP addresses to add after the old ones; those that are there are not added twice. */
  readonly extraSans?: readonly string[];
  readonly key: KeyPair;
  readonly validity: Validity;
}

export interface LeafRequest extends SelfSignedRequest {
  readonly issuer: Issuer;
}

/** They speak of the old issuer or of the old key, and would lie about the new ones. */
const NOT_KEPT: readonly string[] = [
  ExtensionOid.subjectKeyIdentifier,
  ExtensionOid.authorityKeyIdentifier,
  ExtensionOid.issuerAltName,
  ExtensionOid.crlDistributionPoints,
  ExtensionOid.freshestCrl,
  ExtensionOid.authorityInfoAccess,
  ExtensionOid.signedCertificateTimestamps,
];

/**
 * Mints the successor of a leaf. Its authority key identifier is the issuer's own subject key identifier.
 * @throws PkiError when it would outlive its CA, the issuer's key is another CA's, or the old one is a CA
 */
export function mintLeaf(request: LeafRequest): Certificate {
  const { like, issuer, key, validity } = request;
  if (like.isCa) throw new PkiError(`${like.subject}: found a CA; expected a leaf certificate to replace`);
  checkIssuer(issuer, validity);
  const kept = keptExtensions(like, request.extraSans ?? []);
  const constrained = fieldsOf(like.der).extensions.some(({ oid }) => oid === ExtensionOid.basicConstraints);
  return signLeaf(fieldsOf(like.der).subject, [...kept, ...(constrained ? [] : [basicConstraints(false)])], {
    issuer,
    key,
    validity,
  });
}

/**
 * Mints the successor of a self-signed serving certificate, such as a kubelet's: whatever its basic
 * constraints say stays, and it names its own key as its authority when the old one did.
 */
export function mintSelfSigned(request: SelfSignedRequest): Certificate {
  const { like, key, validity } = request;
  const { subject } = fieldsOf(like.der);
  const spki = subjectPublicKeyInfo(key.publicPem);
  const identifier = keyIdentifier(spki);
  const extensions = [
    ...keptExtensions(like, request.extraSans ?? []),
    subjectKeyIdentifier(identifier),
    ...(like.authorityKeyId === undefined ? [] : [authorityKeyIdentifier(identifier)]),
  ];
  return assemble(
    { issuer: subject, subject, subjectPublicKeyInfo: spki, validity, extensions },
    key.privatePem,
  );
}

export interface NewLeafRequest {
  readonly commonName: string;
  readonly organization?: string;
  readonly sans?: readonly string[];
  /** Names like `serverAuth` or dotted identifiers; empty for a certificate that may be used for anything. */
  readonly extendedKeyUsages: readonly string[];
  readonly keyUsages?: readonly KeyUsage[];
  readonly issuer: Issuer;
  readonly key: KeyPair;
  readonly validity: Validity;
}

/** Mints a leaf that replaces nothing. @throws PkiError when it would outlive its CA */
export function mintNewLeaf(request: NewLeafRequest): Certificate {
  checkIssuer(request.issuer, request.validity);
  const sans = request.sans ?? [];
  const extensions = [
    keyUsage(request.keyUsages ?? ['digitalSignature', 'keyEncipherment']),
    ...(request.extendedKeyUsages.length > 0 ? [extendedKeyUsage(request.extendedKeyUsages)] : []),
    basicConstraints(false),
    ...(sans.length > 0 ? [subjectAltName(appendSans(undefined, sans))] : []),
  ];
  return signLeaf(newName(request.commonName, request.organization), extensions, request);
}

function signLeaf(
  subject: Uint8Array,
  extensions: readonly Uint8Array[],
  { issuer, key, validity }: Pick<LeafRequest, 'issuer' | 'key' | 'validity'>,
): Certificate {
  const spki = subjectPublicKeyInfo(key.publicPem);
  const authority = issuer.certificate.subjectKeyId;
  return assemble(
    {
      issuer: fieldsOf(issuer.certificate.der).subject,
      subject,
      subjectPublicKeyInfo: spki,
      validity,
      extensions: [
        ...extensions,
        subjectKeyIdentifier(keyIdentifier(spki)),
        ...(authority === undefined ? [] : [authorityKeyIdentifier(Buffer.from(authority, 'hex'))]),
      ],
    },
    issuer.privatePem,
  );
}

function keptExtensions(like: Certificate, extraSans: readonly string[]): Buffer[] {
  const fields = fieldsOf(like.der).extensions.filter(({ oid }) => !NOT_KEPT.includes(oid));
  const isSan = ({ oid }: ExtensionField): boolean => oid === ExtensionOid.subjectAltName;
  if (extraSans.length === 0) return fields.map(({ whole }) => whole);
  const kept = fields.map((field) =>
    isSan(field) ? subjectAltName(appendSans(field.value, extraSans), field.critical) : field.whole,
  );
  return fields.some(isSan) ? kept : [...kept, subjectAltName(appendSans(undefined, extraSans))];
}

function checkIssuer({ certificate, privatePem }: Issuer, validity: Validity): void {
  if (!matches(certificate, privatePem, `private key of ${certificate.subject}`)) {
    throw new PkiError(`${certificate.subject}: the private key does not belong to this CA`);
  }
  // A certificate says whole seconds.
  if (validity.notAfter.getTime() >= certificate.notAfter.getTime() + 1000) {
    throw new PkiError(
      `a leaf until ${validity.notAfter.toISOString()} would outlive its CA ${certificate.subject}, ` +
        `which ends ${certificate.notAfter.toISOString()}`,
    );
  }
}
