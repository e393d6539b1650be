import type { KubeObject } from '../adapters/kube/types.js';
import type { StepRunner } from './context.js';

const path = '/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication';

/** The ConfigMap is a union of what every kube-apiserver trusts; once all trust one side alone it can be cut to that. */
export const cleanAuthenticationConfig: StepRunner<'clean-authentication-config'> = async (
  step,
  { kube, materials },
) => {
  const data = {
    'client-ca-file': materials.get(step.ca),
    'requestheader-client-ca-file': materials.get(step.proxyCa),
  };
  const result = await kube().patch<KubeObject & { data?: Record<string, string> }>(path, { data }, 'merge');
  return { keys: Object.keys(result.data ?? {}) };
};
