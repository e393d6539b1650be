import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Client } from '../client/client.js';
import type { KubeObject } from '../kube/objects.js';
import type { HollowNode } from '../node/node.js';
import type { Pod, ProjectedSource, Volume } from './pod.js';

interface Secret extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
}
interface TokenRequest extends KubeObject {
  readonly status?: { readonly token?: string };
}

/**
 * Makes a pod's volumes on its node; may be called again, and then renews what tokens and objects have changed.
 * @returns absolute path on this computer by volume name
 * @throws Error when an object is missing, or for a kind of volume that is not known here
 */
export async function mountVolumes(node: HollowNode, client: Client, pod: Pod): Promise<Map<string, string>> {
  const mounted = new Map<string, string>();
  for (const volume of pod.spec.volumes ?? [])
    mounted.set(volume.name, await mount(node, client, pod, volume));
  return mounted;
}

async function mount(node: HollowNode, client: Client, pod: Pod, volume: Volume): Promise<string> {
  const folder = node.path(`/var/lib/kubelet/pods/${pod.metadata.uid ?? ''}/volumes/${volume.name}`);
  if (volume.hostPath) return hostPath(node, volume.hostPath);
  mkdirSync(folder, { recursive: true });
  if (volume.emptyDir) return folder;
  for (const [name, content] of await contents(node, client, pod, volume))
    writeVolumeFile(join(folder, name), content);
  return folder;
}

/** What the node itself lacks, such as its programs, is an empty folder here. */
function hostPath(node: HollowNode, { path }: NonNullable<Volume['hostPath']>): string {
  const folder = node.path(path);
  if (!/\.\w+$|kubeconfig$/.test(path)) mkdirSync(folder, { recursive: true });
  return folder;
}

async function contents(
  node: HollowNode,
  client: Client,
  pod: Pod,
  volume: Volume,
): Promise<[string, Buffer | string][]> {
  const namespace = pod.metadata.namespace ?? 'default';
  if (volume.secret) {
    const { data = {} } = await client.get<Secret>(
      `/api/v1/namespaces/${namespace}/secrets/${volume.secret.secretName}`,
    );
    return Object.entries(data).map(([name, base64]) => [name, Buffer.from(base64, 'base64')]);
  }
  if (volume.configMap) return configMapFiles(client, namespace, volume.configMap);
  if (volume.projected) {
    const files = await Promise.all(
      volume.projected.sources.map((source) => projectedFiles(client, pod, source)),
    );
    return files.flat();
  }
  throw new Error(
    `pod ${pod.metadata.name}: volume ${volume.name} is of a kind that is not known to ${node.name}'s kubelet`,
  );
}

async function configMapFiles(
  client: Client,
  namespace: string,
  { name, items }: { readonly name: string; readonly items?: readonly { key: string; path: string }[] },
): Promise<[string, string][]> {
  const { data = {} } = await client.get<KubeObject & { readonly data?: Readonly<Record<string, string>> }>(
    `/api/v1/namespaces/${namespace}/configmaps/${name}`,
  );
  if (!items) return Object.entries(data);
  return items.map(({ key, path }) => {
    const value = data[key];
    if (value === undefined) throw new Error(`configmap ${namespace}/${name} has no key ${key}`);
    return [path, value];
  });
}

async function projectedFiles(
  client: Client,
  pod: Pod,
  { serviceAccountToken, configMap, downwardAPI }: ProjectedSource,
): Promise<[string, string][]> {
  const { namespace = 'default', name, uid } = pod.metadata;
  if (configMap) return configMapFiles(client, namespace, configMap);
  if (downwardAPI) return downwardAPI.items.map(({ path }) => [path, namespace]);
  if (!serviceAccountToken)
    throw new Error(`pod ${name}: a projected volume has a source that is not known here`);
  const { audience, expirationSeconds = 3607, path } = serviceAccountToken;
  const asked = {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    spec: {
      ...(audience === undefined ? {} : { audiences: [audience] }),
      expirationSeconds,
      boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name, uid },
    },
  };
  const account = pod.spec.serviceAccountName ?? 'default';
  const answer = await client.create<TokenRequest>(
    `/api/v1/namespaces/${namespace}/serviceaccounts/${account}/token`,
    asked,
  );
  return [[path, answer.status?.token ?? '']];
}

/** Pods may read it at any moment. */
function writeVolumeFile(file: string, content: Buffer | string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(`${file}.new`, content, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}
