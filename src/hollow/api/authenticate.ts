import type { IncomingHttpHeaders } from 'node:http';
import type { KeyObject } from 'node:crypto';
import { authenticated, serviceAccount, type User } from './identity.js';
import type { Cache } from './cache.js';
import type { Peer, Verifier } from './peers.js';
import { legacyIssuer, verifiedClaims, type Claims } from '../kube/tokens.js';

export interface Lookups {
  readonly secrets: Cache;
  readonly serviceaccounts: Cache;
  readonly pods: Cache;
}

/** Which CAs count at present. */
export interface ClientTrust {
  readonly clients: Verifier;
  /** Absent without `--requestheader-client-ca-file`. */
  readonly frontProxies: Verifier | undefined;
}

export interface TokenTrust {
  readonly keys: readonly KeyObject[];
  readonly issuer: string;
}

/**
 * Who asks, by the first way that works: as a front proxy says, by the client's certificate, by a token.
 * @returns undefined when nobody was recognized
 */
export function authenticate(
  peer: Peer | undefined,
  headers: IncomingHttpHeaders,
  trust: ClientTrust,
  tokens: TokenTrust,
  lookups: Lookups,
): User | undefined {
  const user =
    byFrontProxy(peer, headers, trust) ??
    byCertificate(peer, trust) ??
    byToken(bearerOf(headers), tokens, lookups);
  return user && authenticated(user);
}

function byFrontProxy(
  peer: Peer | undefined,
  headers: IncomingHttpHeaders,
  { frontProxies }: ClientTrust,
): User | undefined {
  const name = first(headers['x-remote-user']);
  if (!peer || !frontProxies || name === '') return undefined;
  if (frontProxies.fault(peer) !== undefined) return undefined;
  return { name, groups: list(headers['x-remote-group']) };
}

function byCertificate(peer: Peer | undefined, { clients }: ClientTrust): User | undefined {
  if (!peer || peer.commonName === '' || clients.fault(peer) !== undefined) return undefined;
  return { name: peer.commonName, groups: peer.organizations };
}

/** Whom a token speaks for, legacy or projected; undefined when it is not accepted. */
export function byToken(
  token: string | undefined,
  { keys, issuer }: TokenTrust,
  lookups: Lookups,
): User | undefined {
  const claims = token === undefined ? undefined : verifiedClaims(token, keys);
  if (claims?.iss === legacyIssuer) return byLegacyToken(token ?? '', claims, lookups);
  return claims?.iss === issuer ? byProjectedToken(claims, issuer, lookups) : undefined;
}

/** `--service-account-lookup`: the token must be the very one that its Secret holds now. */
function byLegacyToken(
  token: string,
  claims: Claims,
  { secrets, serviceaccounts }: Lookups,
): User | undefined {
  const namespace = claims['kubernetes.io/serviceaccount/namespace'] ?? '';
  const name = claims['kubernetes.io/serviceaccount/service-account.name'] ?? '';
  const uid = claims['kubernetes.io/serviceaccount/service-account.uid'] ?? '';
  const secret = secrets.get(claims['kubernetes.io/serviceaccount/secret.name'] ?? '', namespace);
  const held = (secret?.['data'] as { token?: string } | undefined)?.token ?? '';
  if (!secret || secret.metadata.deletionTimestamp !== undefined) return undefined;
  if (Buffer.from(held, 'base64').toString() !== token) return undefined;
  const account = serviceaccounts.get(name, namespace);
  return account?.metadata.uid === uid ? serviceAccount(namespace, name, uid) : undefined;
}

function byProjectedToken(
  claims: Claims,
  audience: string,
  { serviceaccounts, pods }: Lookups,
): User | undefined {
  const now = Date.now() / 1000;
  const bound = claims['kubernetes.io'];
  if (!bound || (claims.exp ?? 0) < now || (claims.nbf ?? 0) > now + 60) return undefined;
  if (claims.aud?.includes(audience) !== true) return undefined;
  const { namespace, serviceaccount, pod } = bound;
  const account = serviceaccounts.get(serviceaccount.name, namespace);
  if (account?.metadata.uid !== serviceaccount.uid) return undefined;
  if (pod && pods.get(pod.name, namespace)?.metadata.uid !== pod.uid) return undefined;
  return serviceAccount(namespace, serviceaccount.name, serviceaccount.uid);
}

function bearerOf({ authorization = '' }: IncomingHttpHeaders): string | undefined {
  return /^Bearer (\S+)$/i.exec(authorization)?.[1];
}

const first = (value: string | string[] | undefined): string => list(value)[0] ?? '';

/** A header that comes more than once is one value to Node, with commas. */
function list(value: string | string[] | undefined = ''): string[] {
  return (Array.isArray(value) ? value : value.split(',')).map((each) => each.trim()).filter(Boolean);
}
