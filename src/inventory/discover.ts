import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { KubeClient, KubeObject } from '../adapters/kube/types.js';
import type { NodeShell } from '../adapters/ssh/types.js';
import type { Layout } from '../layouts/layout.js';
import type { ClusterNode, NodeList } from '../model/cluster.js';

interface ApiNode extends KubeObject {
  status?: { addresses?: { type: string; address: string }[]; nodeInfo?: { operatingSystem?: string } };
}

const masterLabels = ['node-role.kubernetes.io/master', 'node-role.kubernetes.io/control-plane'];

/** The nodes that the API lists, with their internal addresses. */
export async function nodesFromApi(kube: KubeClient): Promise<NodeList> {
  const nodes = (await kube.list<ApiNode>('/api/v1/nodes')).map(fromApi);
  return { nodes: inOrder(nodes), source: 'kubernetes-api' };
}

function fromApi({ metadata, status }: ApiNode): ClusterNode {
  const labels = metadata.labels ?? {};
  const isMaster =
    labels['kubernetes.azure.com/role'] === 'master' ||
    labels['kubernetes.io/role'] === 'master' ||
    masterLabels.some((label) => label in labels);
  const address = status?.addresses?.find(({ type }) => type === 'InternalIP')?.address;
  return {
    name: metadata.name,
    address: address ?? metadata.name,
    role: isMaster ? 'master' : 'agent',
    os: status?.nodeInfo?.operatingSystem === 'windows' ? 'windows' : 'linux',
  };
}

/**
 * The nodes in etcd's registry, for when no API server answers: names from the keys, addresses by name on the jump host.
 * Masters are those whose names begin as the master that was asked.
 */
export async function nodesFromEtcd(shell: NodeShell, layout: Layout): Promise<NodeList> {
  const client = layout.credentials(1).find((spec) => spec.name === 'etcdclient');
  if (!client) throw new Error(`layout ${layout.name}: names no etcd client certificate`);
  const endpoint = `https://127.0.0.1:${layout.etcdPorts.client}`;
  const prefix = '/registry/minions/';
  const { stdout } = await shell.run('etcd', [
    endpoint,
    layout.ca,
    client.certificate,
    client.key,
    'get',
    prefix,
    '--prefix',
    '--keys-only',
  ]);
  const names = stdout
    .split('\n')
    .filter((line) => line.startsWith(prefix))
    .map((line) => line.slice(prefix.length));
  return {
    nodes: inOrder(names.map((name) => byName(name, /-master-/.test(name)))),
    source: 'etcd-registry',
  };
}

const template = z.looseObject({ variables: z.record(z.string(), z.unknown()) });

/**
 * The names that the deployment's own template gave its machines (`azuredeploy.json` beside the model); nothing is
 * computed. @throws Error naming the file and what is missing in it
 */
export async function nodesFromTemplate(
  folder: string,
  masters: number,
  pools: readonly { name: string; count: number; os: string }[],
): Promise<NodeList> {
  const file = join(folder, 'azuredeploy.json');
  const { variables } = template.parse(JSON.parse(await readFile(file, 'utf8')));
  const prefixOf = (variable: string): string => {
    const value = variables[variable];
    if (typeof value !== 'string')
      throw new Error(
        `${file}: variables.${variable} is missing; expected the beginning of the machines' names`,
      );
    return value;
  };
  const numbered = (prefix: string, count: number): string[] =>
    Array.from({ length: count }, (_, index) => `${prefix}${index}`);
  const masterNodes = numbered(prefixOf('masterVMNamePrefix'), masters).map((name) => byName(name, true));
  const agentNodes = pools.flatMap((pool) =>
    numbered(prefixOf(`${pool.name}VMNamePrefix`), pool.count).map((name) => ({
      ...byName(name, false),
      os: pool.os === 'Windows' ? ('windows' as const) : ('linux' as const),
    })),
  );
  return { nodes: [...masterNodes, ...agentNodes], source: 'azuredeploy.json' };
}

function byName(name: string, isMaster: boolean): ClusterNode {
  return { name, address: name, role: isMaster ? 'master' : 'agent', os: 'linux' };
}

/** Masters first, each group by name, numbers in their order. */
function inOrder(nodes: readonly ClusterNode[]): ClusterNode[] {
  const byNumber = new Intl.Collator('en', { numeric: true });
  return [...nodes].sort((a, b) =>
    a.role === b.role ? byNumber.compare(a.name, b.name) : a.role === 'master' ? -1 : 1,
  );
}
