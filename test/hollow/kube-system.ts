import { images } from '../../src/hollow/cluster/workloads.js';
import type { KubeObject } from '../../src/hollow/kube/objects.js';
import type { HollowCluster } from '../../src/hollow/index.js';

const deployments = '/apis/apps/v1/namespaces/kube-system/deployments';
const configMaps = '/api/v1/namespaces/kube-system/configmaps';

interface Deployment extends KubeObject {
  readonly spec: { readonly replicas: number };
}

/** Runs a Deployment in kube-system beside what a hollow cluster has; it does nothing. With a ConfigMap its pods mount that. */
export async function addDeployment(
  { admin }: HollowCluster,
  name: string,
  replicas: number,
  configMap?: string,
): Promise<void> {
  const labels = { app: name };
  const volume = configMap === undefined ? [] : [{ name: 'settings', configMap: { name: configMap } }];
  const container = {
    ...{ name, image: images.pod, imagePullPolicy: 'IfNotPresent', args: ['aggregated'] },
    volumeMounts: volume.map((each) => ({ name: each.name, mountPath: '/settings' })),
  };
  const spec = {
    ...{ serviceAccountName: 'aggregated', terminationGracePeriodSeconds: 3 },
    ...{ containers: [container], volumes: volume },
  };
  await admin.client.create(deployments, {
    ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name, namespace: 'kube-system' } },
    spec: { replicas, selector: { matchLabels: labels }, template: { metadata: { labels }, spec } },
  });
}

export async function replicasOf({ admin }: HollowCluster, name: string): Promise<number> {
  return (await admin.client.get<Deployment>(`${deployments}/${name}`)).spec.replicas;
}

export async function addConfigMap({ admin }: HollowCluster, name: string): Promise<void> {
  const metadata = { name, namespace: 'kube-system' };
  await admin.client.create(configMaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { a: 'b' } });
}

export async function removeConfigMap({ admin }: HollowCluster, name: string): Promise<void> {
  await admin.client.delete(`${configMaps}/${name}`);
}

/** Ends a Deployment's pods; it makes others. */
export async function deletePodsOf({ admin }: HollowCluster, name: string): Promise<void> {
  const pods = '/api/v1/namespaces/kube-system/pods';
  const { items } = await admin.client.list<{ metadata: { name: string } }>(
    `${pods}?labelSelector=app%3D${name}`,
  );
  for (const { metadata } of items) await admin.client.delete(`${pods}/${metadata.name}`);
}
