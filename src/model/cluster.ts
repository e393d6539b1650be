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

/** Linux nodes apart from Windows nodes, each as they stand. */
export function byOs(all: readonly ClusterNode[]): { nodes: ClusterNode[]; windows: ClusterNode[] } {
  return {
    nodes: all.filter(({ os }) => os === 'linux'),
    windows: all.filter(({ os }) => os === 'windows'),
  };
}

export function masters(nodes: readonly ClusterNode[]): ClusterNode[] {
  return nodes.filter((node) => node.role === 'master');
}

export function agents(nodes: readonly ClusterNode[]): ClusterNode[] {
  return nodes.filter((node) => node.role === 'agent');
}
