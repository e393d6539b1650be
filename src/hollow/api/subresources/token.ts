import { resourceOf } from '../../kube/resources.js';
import { timestamp } from '../../kube/objects.js';
import { conflict, invalid } from '../api-error.js';
import type { Call, Core, Reply } from '../core.js';
import { signToken } from '../../kube/tokens.js';

interface TokenRequest {
  readonly spec?: {
    readonly audiences?: readonly string[];
    readonly expirationSeconds?: number;
    readonly boundObjectRef?: { readonly kind?: string; readonly name?: string; readonly uid?: string };
  };
}

/** `serviceaccounts/token`: a projected token, signed by the key that kube-apiserver was started with. */
export async function requestToken(core: Core, { info, body }: Call): Promise<Reply> {
  const { namespace = '', name = '' } = info;
  const account = await core.storage.get(info.resource, namespace, name);
  const { spec = {} } = body as TokenRequest;
  const { audiences = [core.tokens.issuer], expirationSeconds = 3600, boundObjectRef } = spec;
  if (expirationSeconds < 600)
    throw invalid('spec.expirationSeconds: Invalid value: may not specify a duration less than 10 minutes');
  const pod = boundObjectRef && (await boundPod(core, namespace, boundObjectRef));
  const now = Math.floor(Date.now() / 1000);
  const token = signToken(
    {
      aud: audiences,
      exp: now + expirationSeconds,
      iat: now,
      nbf: now,
      iss: core.tokens.issuer,
      sub: `system:serviceaccount:${namespace}:${name}`,
      'kubernetes.io': {
        namespace,
        serviceaccount: { name, uid: account.metadata.uid ?? '' },
        ...(pod ? { pod } : {}),
      },
    },
    core.signingKey,
  );
  const expirationTimestamp = timestamp((now + expirationSeconds) * 1000);
  return {
    status: 201,
    body: {
      kind: 'TokenRequest',
      apiVersion: 'authentication.k8s.io/v1',
      metadata: {},
      spec: { audiences, expirationSeconds, boundObjectRef: boundObjectRef ?? null },
      status: { token, expirationTimestamp },
    },
  };
}

type Reference = NonNullable<NonNullable<TokenRequest['spec']>['boundObjectRef']>;

async function boundPod(
  { storage }: Core,
  namespace: string,
  { kind, name = '', uid }: Reference,
): Promise<{ name: string; uid: string }> {
  if (kind !== 'Pod') throw invalid(`spec.boundObjectRef.kind: found ${kind ?? 'none'}; expected Pod`);
  const pods = resourceOf('pods');
  const { metadata } = await storage.get(pods, namespace, name);
  if (uid !== undefined && uid !== metadata.uid)
    throw conflict(
      pods,
      name,
      `the UID in the bound object reference (${uid}) does not match the UID in record`,
    );
  return { name, uid: metadata.uid ?? '' };
}
