import { createHash, createPublicKey, createPrivateKey, sign, verify, type KeyObject } from 'node:crypto';

/** Claims of service-account tokens, of both kinds. */
export interface Claims {
  readonly iss: string;
  readonly sub: string;
  readonly aud?: readonly string[];
  readonly exp?: number;
  readonly nbf?: number;
  readonly iat?: number;
  readonly 'kubernetes.io'?: {
    readonly namespace: string;
    readonly serviceaccount: { readonly name: string; readonly uid: string };
    readonly pod?: { readonly name: string; readonly uid: string };
  };
  readonly 'kubernetes.io/serviceaccount/namespace'?: string;
  readonly 'kubernetes.io/serviceaccount/secret.name'?: string;
  readonly 'kubernetes.io/serviceaccount/service-account.name'?: string;
  readonly 'kubernetes.io/serviceaccount/service-account.uid'?: string;
}

export const legacyIssuer = 'kubernetes/serviceaccount';

const pemBlock = /-----BEGIN [A-Z0-9 ]+-----[\s\S]*?-----END [A-Z0-9 ]+-----/g;

/** The keys of a file of public or private keys or certificates, as their public halves. @throws Error when there is none */
export function publicKeysIn(pem: string, where: string): KeyObject[] {
  const keys = (pem.match(pemBlock) ?? []).map((block) => createPublicKey(block));
  if (keys.length === 0) throw new Error(`${where}: holds no key`);
  return keys;
}

/** Signs as Kubernetes does: RS256, or ES256 and its kin for elliptic curves; `kid` is the hash of the public key. */
export function signToken(claims: Claims, privatePem: string): string {
  const key = createPrivateKey(privatePem);
  const header = { alg: algorithmOf(key).name, kid: keyId(createPublicKey(privatePem)) };
  const text = `${part(header)}.${part(claims)}`;
  const { digest } = algorithmOf(key);
  const signature = sign(digest, Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' });
  return `${text}.${signature.toString('base64url')}`;
}

/** The claims of a token that one of these keys signed; else undefined. Dates and audiences are not looked at. */
export function verifiedClaims(token: string, keys: readonly KeyObject[]): Claims | undefined {
  const [header, payload, signature, ...more] = token.split('.');
  if (!header || !payload || !signature || more.length > 0) return undefined;
  const text = Buffer.from(`${header}.${payload}`);
  const signed = Buffer.from(signature, 'base64url');
  const fits = keys.some((key) =>
    verify(algorithmOf(key).digest, text, { key, dsaEncoding: 'ieee-p1363' }, signed),
  );
  return fits ? (JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')) as Claims) : undefined;
}

const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

function keyId(publicKey: KeyObject): string {
  return createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('base64url');
}

const curves: Readonly<Record<string, { name: string; digest: string }>> = {
  prime256v1: { name: 'ES256', digest: 'sha256' },
  secp384r1: { name: 'ES384', digest: 'sha384' },
  secp521r1: { name: 'ES512', digest: 'sha512' },
};

function algorithmOf(key: KeyObject): { name: string; digest: string } {
  if (key.asymmetricKeyType === 'rsa') return { name: 'RS256', digest: 'sha256' };
  const found = curves[key.asymmetricKeyDetails?.namedCurve ?? ''];
  if (!found)
    throw new Error(`service-account key: found ${key.asymmetricKeyType ?? '?'}; expected RSA or EC`);
  return found;
}
