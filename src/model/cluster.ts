/** A machine of the cluster. `address` is an IP, or a name that the jump host resolves. */
export interface ClusterNode {
  readonly name: string;
  readonly address: string;
  readonly role: 'master' | 'agent';
  readonly os: 'linux' | 'windows';
}

/** Where a list of nodes was read. */
export type NodeSource = 'kubernetes-api' | 'etcd-registry' | 'azuredeploy.json';

export interface NodeList {
  readonly nodes: readonly ClusterNode[];
  readonly source: NodeSource;
}

export function masters(nodes: readonly ClusterNode[]): ClusterNode[] {
  return nodes.filter((node) => node.role === 'master');
}

export function agents(nodes: readonly ClusterNode[]): ClusterNode[] {
  return nodes.filter((node) => node.role === 'agent');
}
