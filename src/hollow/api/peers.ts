import type { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import { verify } from '../tls/verify.js';

/** What a server looks at in a connection; also what HTTP/2 gives for one. */
export type PeerSocket = Pick<TLSSocket, 'getPeerX509Certificate'>;

/** A client's certificate as it was shown. */
export interface Peer {
  readonly leaf: X509Certificate;
  readonly intermediates: readonly X509Certificate[];
  readonly commonName: string;
  readonly organizations: readonly string[];
}

/** Longer chains occur nowhere here, and a loop must end. */
const longest = 6;

/** The client's certificate, or undefined when it showed none. */
export function peerOf(socket: PeerSocket): Peer | undefined {
  const leaf = socket.getPeerX509Certificate();
  if (leaf === undefined) return undefined;
  const { O: organization = [], CN: commonName } = leaf.toLegacyObject().subject as {
    O?: string | string[];
    CN?: string;
  };
  return {
    leaf,
    intermediates: intermediatesOf(leaf),
    commonName: commonName ?? '',
    organizations: Array.isArray(organization) ? organization : [organization],
  };
}

/** Node links each certificate that was shown to its issuer; a root is linked to itself. */
function intermediatesOf(leaf: X509Certificate): X509Certificate[] {
  const chain: X509Certificate[] = [];
  let below = leaf;
  for (let next = leaf.issuerCertificate; next && chain.length < longest; next = below.issuerCertificate) {
    if (next.fingerprint256 === below.fingerprint256) break;
    chain.push(next);
    below = next;
  }
  return chain;
}

/**
 * Whether a client's certificate leads to one of these CAs. Real servers check it for each request against the CAs of that
 * moment; here a certificate is checked once for each set of CAs.
 */
export class Verifier {
  readonly #verdicts = new Map<string, string | undefined>();

  constructor(private readonly pem: string) {}

  /** @returns undefined, or why not */
  fault({ leaf, intermediates }: Peer): string | undefined {
    const key = [leaf, ...intermediates].map(({ fingerprint256 }) => fingerprint256).join();
    if (!this.#verdicts.has(key))
      this.#verdicts.set(key, verify(leaf, intermediates, this.pem, 'clientAuth'));
    return this.#verdicts.get(key);
  }
}
