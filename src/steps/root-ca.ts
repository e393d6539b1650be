import type { KubeObject } from '../adapters/kube/types.js';
import type { StepRunner } from './context.js';
import { waitFor } from './wait.js';

interface WithData extends KubeObject {
  data?: Record<string, string>;
}

/** kube-controller-manager has written this CA into every namespace and every token Secret. */
export const awaitRootCa: StepRunner<'await-root-ca'> = async (step, { kube, materials, stop }) => {
  const wanted = materials.get(step.authority).trim();
  const counts = { configMaps: 0, secrets: 0 };
  await waitFor(
    `every kube-root-ca.crt and every token Secret holds ${step.authority}`,
    async () => {
      const configMaps = await kube().list<WithData>(
        '/api/v1/configmaps?fieldSelector=metadata.name%3Dkube-root-ca.crt',
      );
      const secrets = await kube().list<WithData>(
        '/api/v1/secrets?fieldSelector=type%3Dkubernetes.io%2Fservice-account-token',
      );
      counts.configMaps = configMaps.length;
      counts.secrets = secrets.length;
      const stale = [
        ...configMaps.filter((item) => item.data?.['ca.crt']?.trim() !== wanted),
        ...secrets.filter(
          (item) =>
            Buffer.from(item.data?.['ca.crt'] ?? '', 'base64')
              .toString()
              .trim() !== wanted,
        ),
      ];
      return stale.length === 0
        ? true
        : `${stale.length} do not, among them ${stale
            .slice(0, 3)
            .map(({ metadata }) => `${metadata.namespace ?? ''}/${metadata.name}`)
            .join(', ')}`;
    },
    { timeoutMs: 300_000, stop },
  );
  return counts;
};
