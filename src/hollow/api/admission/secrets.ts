import type { KubeObject } from '../../kube/objects.js';
import { invalid } from '../api-error.js';

interface Secret extends KubeObject {
  type?: string;
  data?: Record<string, string>;
  stringData?: Record<string, string>;
}

/** Plain texts become data; a token Secret must say whose it is. */
export function admitSecret(object: KubeObject): KubeObject {
  const { stringData = {}, data = {}, type = 'Opaque', ...rest } = object as Secret;
  const encoded = Object.entries(stringData).map(([key, text]) => [
    key,
    Buffer.from(text).toString('base64'),
  ]);
  const account = object.metadata.annotations?.['kubernetes.io/service-account.name'];
  if (type === 'kubernetes.io/service-account-token' && !account)
    throw invalid(
      `Secret "${object.metadata.name}" is invalid: metadata.annotations[kubernetes.io/service-account.name]: Required value`,
    );
  const all = { ...data, ...(Object.fromEntries(encoded) as Record<string, string>) };
  return { ...rest, type, ...(Object.keys(all).length === 0 ? {} : { data: all }) };
}
