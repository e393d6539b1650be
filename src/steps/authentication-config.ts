import type { KubeObject } from '../adapters/kube/types.js';
import type { StepRunner } from './context.js';

const path = '/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication';

/** The ConfigMap is a union of what every kube-apiserver trusts; once none trusts the old CAs it can be cut to the new ones. */
export const cleanAuthenticationConfig: StepRunner<'clean-authentication-config'> = async (
  _step,
  { kube, materials },
) => {
  const data = {
    'client-ca-file': materials.get('ca.crt'),
    'requestheader-client-ca-file': materials.get('proxy-ca.crt'),
  };
  const result = await kube().patch<KubeObject & { data?: Record<string, string> }>(path, { data }, 'merge');
  return { keys: Object.keys(result.data ?? {}) };
};
