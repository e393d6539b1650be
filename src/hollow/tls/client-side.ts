import { isIP, type Socket } from 'node:net';
import {
  connect,
  createSecureContext,
  type PeerCertificate,
  type SecureContext,
  type SecureContextOptions,
  type TLSSocket,
} from 'node:tls';
import { kept } from '../../pki/kept.js';

/** How a program of the cluster begins TLS on a connection; PEM. */
export interface ClientSide {
  /** Name or address that the server's certificate must have. */
  readonly host: string;
  /** Left out: what this computer trusts. */
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly protocols?: readonly string[];
  /** Takes any server. */
  readonly insecure?: boolean;
}

/**
 * TLS over a socket, strict unless told otherwise; the handshake is under way when this returns.
 * OpenSSL judges each server anew. What is the same each time is done once: making a context of the same texts, and
 * reading the same certificate for its names, which together cost more than the handshake.
 * @throws Error when key and certificate do not fit together
 */
export function openTls(socket: Socket, { host, protocols, insecure, ...texts }: ClientSide): TLSSocket {
  const tls = connect({
    socket,
    host,
    ...(isIP(host) === 0 ? { servername: host } : {}),
    secureContext: clientContext(texts),
    rejectUnauthorized: insecure !== true,
    ...(protocols === undefined ? {} : { ALPNProtocols: [...protocols] }),
  });
  // Node asks for it once, with the whole chain behind it, to compare names with the host's.
  return Object.assign(tls, { getPeerCertificate: () => namesOf(tls) });
}

/** @throws Error when key and certificate do not fit together */
export function clientContext(texts: Pick<SecureContextOptions, 'ca' | 'cert' | 'key'>): SecureContext {
  const { ca, cert, key } = texts;
  return contexts(JSON.stringify({ ca, cert, key }));
}

const contexts = kept(100, (texts) =>
  createSecureContext({ ...(JSON.parse(texts) as SecureContextOptions), minVersion: 'TLSv1.2' }),
);

function namesOf(tls: TLSSocket): PeerCertificate {
  const leaf = tls.getPeerX509Certificate();
  // As Node's own: it has no name, so it is refused.
  if (!leaf) return {} as PeerCertificate;
  const found = leaves.get(leaf.fingerprint256);
  if (found) return found;
  const names = leaf.toLegacyObject();
  if (leaves.size >= mostLeaves) leaves.clear();
  leaves.set(leaf.fingerprint256, names);
  return names;
}

const mostLeaves = 200;
/** By fingerprint; not changed by anybody. */
const leaves = new Map<string, PeerCertificate>();
