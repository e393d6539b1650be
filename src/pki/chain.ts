import { X509Certificate as NodeCertificate } from 'node:crypto';
import { parseCertificates, type Certificate } from './certificate.js';
import { fieldsOf } from './fields.js';

export interface ChainOptions {
  readonly purpose: 'server' | 'client';
  readonly at: Date;
}

type CertificatesOrPem = string | readonly Certificate[];

/** RFC 5280 has no limit; a longer chain in a cluster is a mistake or an attack. */
const MAX_DEPTH = 8;
const LEAF_USAGES = {
  server: ['digitalSignature', 'keyEncipherment', 'keyAgreement'],
  client: ['digitalSignature', 'keyAgreement'],
} as const;
const PURPOSES = { server: 'serverAuth', client: 'clientAuth' } as const;

/**
 * Checks that a chain leads from its first certificate to a trust anchor, as strictly as the strictest peer:
 * signatures, dates (of the anchor too), extended key usage, basic constraints, path lengths, key usage,
 * and equality of each authority key identifier with the subject key identifier above it.
 * Host names are not looked at.
 * @returns undefined, or the reason of the attempt that came farthest
 * @throws PkiError when a PEM text holds no certificate
 */
export function verifyChain(
  chain: CertificatesOrPem,
  trustAnchors: CertificatesOrPem,
  options: ChainOptions,
): string | undefined {
  const [leaf, ...intermediates] = listOf(chain, 'chain');
  const anchors = listOf(trustAnchors, 'trust anchors');
  if (!leaf) return 'the chain is empty';
  const own = leafFault(leaf, options);
  if (own !== undefined) return own;
  if (anchors.some(({ fingerprint }) => fingerprint === leaf.fingerprint)) return undefined;
  return farthest(climb([leaf], intermediates, anchors, options))?.reason;
}

interface Attempt {
  readonly depth: number;
  /** Absent when the attempt reached an anchor. */
  readonly reason?: string;
}

function farthest(attempts: readonly Attempt[]): Attempt | undefined {
  const reached = attempts.find(({ reason }) => reason === undefined);
  return reached ?? attempts.toSorted((a, b) => b.depth - a.depth)[0];
}

function climb(
  path: readonly Certificate[],
  intermediates: readonly Certificate[],
  anchors: readonly Certificate[],
  options: ChainOptions,
): Attempt[] {
  const top = path.at(-1);
  if (!top || path.length > MAX_DEPTH) return [{ depth: path.length, reason: 'the chain is too long' }];
  const named = (candidate: Certificate): boolean => isNamedBy(candidate, top);
  const toAnchors = anchors.filter(named).map((anchor) => attempt(path, anchor, options));
  const onward = intermediates
    .filter((candidate) => named(candidate) && !path.includes(candidate))
    .flatMap((candidate) => {
      const step = attempt(path, candidate, options);
      return step.reason === undefined
        ? climb([...path, candidate], intermediates, anchors, options)
        : [step];
    });
  const attempts = [...toAnchors, ...onward];
  if (attempts.length > 0) return attempts;
  return [
    {
      depth: path.length,
      reason: `no trust anchor or intermediate is the issuer ${top.issuer} of ${top.subject}`,
    },
  ];
}

function attempt(path: readonly Certificate[], issuer: Certificate, options: ChainOptions): Attempt {
  const reason = issuerFault(path, issuer, options);
  return { depth: path.length + 1, ...(reason === undefined ? {} : { reason }) };
}

function leafFault(leaf: Certificate, { purpose, at }: ChainOptions): string | undefined {
  const usages: readonly string[] = LEAF_USAGES[purpose];
  if (leaf.keyUsages.length > 0 && !leaf.keyUsages.some((usage) => usages.includes(usage))) {
    return `${leaf.subject}: its key usage (${leaf.keyUsages.join(', ')}) does not suit a ${purpose}`;
  }
  return dateFault(leaf, at) ?? purposeFault(leaf, purpose);
}

function issuerFault(
  path: readonly Certificate[],
  issuer: Certificate,
  { purpose, at }: ChainOptions,
): string | undefined {
  const below = path.at(-1);
  if (!below) return 'the chain is empty';
  if (!issuer.isCa) return `${issuer.subject}: not a CA (basicConstraints)`;
  if (issuer.keyUsages.length > 0 && !issuer.keyUsages.includes('keyCertSign')) {
    return `${issuer.subject}: its key usage does not allow it to sign certificates`;
  }
  if (below.authorityKeyId !== undefined && issuer.subjectKeyId !== undefined) {
    if (below.authorityKeyId !== issuer.subjectKeyId) {
      return (
        `${below.subject}: its authority key identifier ${below.authorityKeyId} differs from ` +
        `the subject key identifier ${issuer.subjectKeyId} of ${issuer.subject}`
      );
    }
  }
  // Everything between the leaf and this issuer counts, but for self-issued certificates (RFC 5280, 4.2.1.9).
  const between = path.slice(1).filter(({ der }) => !isSelfIssued(der)).length;
  if (issuer.pathLength !== undefined && between > issuer.pathLength) {
    return `${issuer.subject}: pathlen:${issuer.pathLength} forbids the ${between} CA(s) below it`;
  }
  if (!isSignedBy(below, issuer)) return `${below.subject}: not signed by the key of ${issuer.subject}`;
  return dateFault(issuer, at) ?? purposeFault(issuer, purpose);
}

function dateFault({ subject, notBefore, notAfter }: Certificate, at: Date): string | undefined {
  if (at < notBefore) return `${subject}: not valid before ${notBefore.toISOString()}`;
  if (at > notAfter) return `${subject}: expired on ${notAfter.toISOString()}`;
  return undefined;
}

function purposeFault(
  { subject, extendedKeyUsages }: Certificate,
  purpose: 'server' | 'client',
): string | undefined {
  const allowed = [PURPOSES[purpose], 'anyExtendedKeyUsage'];
  if (extendedKeyUsages.length === 0 || extendedKeyUsages.some((usage) => allowed.includes(usage)))
    return undefined;
  return `${subject}: its extended key usage (${extendedKeyUsages.join(', ')}) lacks ${PURPOSES[purpose]}`;
}

const isNamedBy = (candidate: Certificate, below: Certificate): boolean =>
  fieldsOf(candidate.der).subject.equals(fieldsOf(below.der).issuer);

function isSelfIssued(der: Buffer): boolean {
  const { subject, issuer } = fieldsOf(der);
  return subject.equals(issuer);
}

const isSignedBy = (below: Certificate, issuer: Certificate): boolean =>
  new NodeCertificate(below.der).verify(new NodeCertificate(issuer.der).publicKey);

const listOf = (certificates: CertificatesOrPem, where: string): readonly Certificate[] =>
  typeof certificates === 'string' ? parseCertificates(certificates, where) : certificates;
