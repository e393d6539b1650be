import type { DetailedPeerCertificate, TLSSocket } from 'node:tls';
import { parseCertificates, parseCertificate, verifyChain, type Certificate } from '../../pki/index.js';

/** What a server looks at in a connection; also what HTTP/2 gives for one. */
export type PeerSocket = Pick<TLSSocket, 'authorized' | 'getPeerCertificate'>;

/** A client's certificate as it was shown: the chain, the leaf first, and what OpenSSL said of it in the handshake. */
export interface Peer {
  readonly chain: readonly Certificate[];
  readonly commonName: string;
  readonly organizations: readonly string[];
  /** By all CAs that the server named then. */
  readonly authorized: boolean;
  /** Which CAs those were. */
  readonly generation: number;
}

/** CAs whose clients are accepted; changes while the server runs. */
export interface Anchors {
  readonly pem: string;
}

/** The client's certificate, or undefined when it showed none. */
export function peerOf(socket: PeerSocket, generation: number): Peer | undefined {
  const leaf = socket.getPeerCertificate(true) as DetailedPeerCertificate | undefined;
  if (leaf?.raw === undefined) return undefined;
  const { O: organization = [], CN: commonName } = leaf.subject as { O?: string | string[]; CN?: string };
  return {
    chain: chainFrom(leaf),
    commonName: commonName ?? '',
    organizations: Array.isArray(organization) ? organization : [organization],
    authorized: socket.authorized,
    generation,
  };
}

function chainFrom(leaf: DetailedPeerCertificate): Certificate[] {
  const chain: Certificate[] = [];
  const seen = new Set<string>();
  let next: DetailedPeerCertificate | undefined = leaf;
  while (next?.raw !== undefined && !seen.has(next.fingerprint256)) {
    seen.add(next.fingerprint256);
    chain.push(read(next.raw));
    next = next.issuerCertificate as DetailedPeerCertificate | undefined;
  }
  return chain;
}

const parsed = new Map<string, Certificate>();
const parsedAtMost = 500;

/** The same few certificates are shown again and again. */
function read(der: Buffer): Certificate {
  const key = der.toString('base64');
  const known = parsed.get(key);
  if (known) return known;
  const pem = `-----BEGIN CERTIFICATE-----\n${key.replace(/.{64}(?=.)/g, '$&\n')}\n-----END CERTIFICATE-----\n`;
  const certificate = parseCertificate(pem, "the client's certificate");
  if (parsed.size >= parsedAtMost) parsed.clear();
  parsed.set(key, certificate);
  return certificate;
}

/**
 * Whether a client's certificate leads to one of these CAs. Real servers check it for each request against the CAs of that
 * moment. What OpenSSL said in the handshake counts as long as the CAs are the same: it is stricter than Go about key
 * identifiers.
 */
export class Verifier {
  #anchors: readonly Certificate[];
  readonly #verdicts = new Map<string, string | undefined>();

  constructor(pem: string) {
    this.#anchors = parseCertificates(pem, 'client CAs');
  }

  /** @returns undefined, or why not */
  fault(peer: Peer, generation: number): string | undefined {
    if (peer.generation === generation && !peer.authorized) return 'refused in the TLS handshake';
    const key = peer.chain.map(({ fingerprint }) => fingerprint).join();
    if (!this.#verdicts.has(key))
      this.#verdicts.set(key, verifyChain(peer.chain, this.#anchors, { purpose: 'client', at: new Date() }));
    return this.#verdicts.get(key);
  }
}
