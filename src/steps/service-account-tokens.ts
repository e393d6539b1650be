import { createPublicKey, verify } from 'node:crypto';
import type { KubeObject } from '../adapters/kube/types.js';
import type { StepContext } from './context.js';

export interface TokenSecret extends KubeObject {
  data?: { token?: string; 'ca.crt'?: string };
}
export interface ServiceAccount extends KubeObject {
  secrets?: { name: string }[];
}

/** Which side signed a token. */
export type TokenSide = 'old' | 'new' | 'neither';

const accountName = 'kubernetes.io/service-account.name';

export function tokenSecrets({ kube }: StepContext): Promise<TokenSecret[]> {
  return kube().list<TokenSecret>(
    '/api/v1/secrets?fieldSelector=type%3Dkubernetes.io%2Fservice-account-token',
  );
}

export function serviceAccounts({ kube }: StepContext): Promise<ServiceAccount[]> {
  return kube().list<ServiceAccount>('/api/v1/serviceaccounts');
}

/** `namespace/name` of the account that a token Secret speaks for. */
export function accountOf(secret: TokenSecret): string {
  return `${secret.metadata.namespace ?? ''}/${secret.metadata.annotations?.[accountName] ?? ''}`;
}

export function keyOf({ metadata }: KubeObject): string {
  return `${metadata.namespace ?? ''}/${metadata.name}`;
}

/** Whose key a token Secret's token was signed with; told by the signature, not by names or dates. */
export function sideOf(secret: TokenSecret, context: StepContext): TokenSide {
  const token = Buffer.from(secret.data?.token ?? '', 'base64').toString();
  if (signedBy(token, context.materials.get('sa-new.pub'))) return 'new';
  return signedBy(token, context.materials.get('sa-old.pub')) ? 'old' : 'neither';
}

/** The JWT's signature fits this public key (PEM). RSA and EC, as kube-controller-manager signs. */
export function signedBy(token: string, publicPem: string): boolean {
  const [header, payload, signature] = token.split('.');
  if (!header || !payload || !signature) return false;
  const key = createPublicKey(publicPem);
  return verify(
    'sha256',
    Buffer.from(`${header}.${payload}`),
    key.asymmetricKeyType === 'ec' ? { key, dsaEncoding: 'ieee-p1363' } : key,
    Buffer.from(signature, 'base64url'),
  );
}
