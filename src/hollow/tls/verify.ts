import { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import { kept } from '../../pki/kept.js';

/** What a certificate must be good for. */
export type Usage = 'clientAuth' | 'serverAuth';

const usageOids: Readonly<Record<Usage, string>> = {
  clientAuth: '1.3.6.1.5.5.7.3.2',
  serverAuth: '1.3.6.1.5.5.7.3.1',
};
const anyUsage = '2.5.29.37.0';
/** Longer paths occur nowhere here, and a loop of bridges must end. */
const longest = 6;

/**
 * Why a server refuses the certificate that its client showed in the handshake, judged as Go's crypto/x509 does: an issuer
 * is found by its name and told by its signature, key identifiers are only a hint. To be called once for each socket:
 * Node tells what stands behind the leaf only the first time.
 * @returns undefined for a client that is accepted
 */
export function refusal(socket: TLSSocket, trustedPem: string, usage: Usage): string | undefined {
  const shown = shownChain(socket);
  const [leaf, ...others] = shown;
  if (!leaf) return "client didn't provide a certificate";
  return verify(leaf, others, trustedPem, usage);
}

/** @returns undefined when a path leads from the leaf to a trusted CA, else Go's words */
export function verify(
  leaf: X509Certificate,
  intermediates: readonly X509Certificate[],
  trustedPem: string,
  usage: Usage,
): string | undefined {
  if (!isValidNow(leaf)) return 'x509: certificate has expired or is not yet valid';
  const trusted = certificatesIn(trustedPem);
  if (!leadsTo(leaf, intermediates, trusted, usage, 1))
    return 'x509: certificate signed by unknown authority';
  return fitsUsage(leaf, usage) ? undefined : 'x509: certificate specifies an incompatible key usage';
}

/** The certificates of a text in PEM. */
export const certificatesIn = kept(200, (pem: string): readonly X509Certificate[] =>
  (pem.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? []).map(
    (one) => new X509Certificate(one),
  ),
);

/** Leaf first. Node links each certificate that was shown to its issuer; a root is linked to itself. */
function shownChain(socket: TLSSocket): X509Certificate[] {
  const chain: X509Certificate[] = [];
  let next = socket.getPeerX509Certificate();
  while (next && chain.length < longest) {
    chain.push(next);
    const issuer: X509Certificate | undefined = next.issuerCertificate;
    next = issuer?.fingerprint256 === next.fingerprint256 ? undefined : issuer;
  }
  return chain;
}

function leadsTo(
  certificate: X509Certificate,
  intermediates: readonly X509Certificate[],
  trusted: readonly X509Certificate[],
  usage: Usage,
  depth: number,
): boolean {
  const signedBy = (ca: X509Certificate): boolean =>
    ca.subject === certificate.issuer && ca.ca && isValidNow(ca) && certificate.verify(ca.publicKey);
  if (trusted.some(({ fingerprint256 }) => fingerprint256 === certificate.fingerprint256)) return true;
  if (trusted.some(signedBy)) return true;
  if (depth >= longest) return false;
  return intermediates.some(
    (ca) => signedBy(ca) && fitsUsage(ca, usage) && leadsTo(ca, intermediates, trusted, usage, depth + 1),
  );
}

function isValidNow({ validFrom, validTo }: X509Certificate): boolean {
  const now = Date.now();
  return Date.parse(validFrom) <= now && now <= Date.parse(validTo);
}

/** Without the extension a certificate may be used for anything. Node calls extended usages `keyUsage`. */
function fitsUsage({ keyUsage }: X509Certificate, usage: Usage): boolean {
  const usages = keyUsage as readonly string[] | undefined;
  return (
    usages === undefined ||
    usages.length === 0 ||
    usages.includes(usageOids[usage]) ||
    usages.includes(anyUsage)
  );
}
