import { connect as connectTcp, isIP, type Socket } from 'node:net';
import {
  checkServerIdentity,
  connect as connectTls,
  createSecureContext,
  type SecureContext,
} from 'node:tls';

import type { Credentials, Target } from './types.js';

/** A parsed target. `host` is what the certificate must carry, `dial` and `port` where the connection goes. */
export interface Endpoint {
  readonly secure: boolean;
  readonly host: string;
  readonly port: number;
  readonly dial: string;
  /** For the `Host` header. */
  readonly authority: string;
}

/** @throws TypeError naming what is no URL */
export function endpointOf(target: Target): Endpoint {
  const url = new URL(target.server);
  const secure = url.protocol === 'https:';
  if (!secure && url.protocol !== 'http:') {
    throw new TypeError(`probe target ${target.server}: expected https://host:port`);
  }
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const port = target.connectPort ?? Number(url.port === '' ? (secure ? 443 : 80) : url.port);
  return { secure, host, port, dial: target.connectHost ?? host, authority: url.host };
}

/** Credentials made ready once, since parsing keys for every connection costs more than the handshake. */
export interface Identity {
  readonly context: SecureContext;
  readonly headers: Readonly<Record<string, string>>;
}

/** @throws Error of OpenSSL for PEM that it cannot read */
export function identityOf(credentials: Credentials): Identity {
  const { ca, cert, key, token } = credentials;
  return {
    // An absent CA must not mean "all CAs of the system".
    context: createSecureContext({
      ca: ca ?? [],
      minVersion: 'TLSv1.2',
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
    }),
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
  };
}

/**
 * Opens a connection: strict TLS without session resumption, so each one verifies the server again.
 * Errors come as the socket's `error` event.
 */
export function openConnection(endpoint: Endpoint, identity: Identity, protocol: 'http/1.1' | 'h2'): Socket {
  const address = { host: endpoint.dial, port: endpoint.port, noDelay: true };
  if (!endpoint.secure) return connectTcp(address);
  return connectTls({
    ...address,
    secureContext: identity.context,
    ALPNProtocols: [protocol],
    servername: isIP(endpoint.host) === 0 ? endpoint.host : '',
    checkServerIdentity: (_dialled, certificate) => checkServerIdentity(endpoint.host, certificate),
    rejectUnauthorized: true,
  });
}
