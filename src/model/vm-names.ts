import type { ApiModel } from './apimodel.js';
import type { ClusterNode } from './cluster.js';

/** An index in an availability set, or a scale set's instance with its number to base 36. */
const index = String.raw`(\d+|vmss[0-9a-z]{6})`;

/**
 * Whether a node is named as aks-engine names the machines of this model: `k8s-<pool>-<8 digits>-<index>`, `master` for
 * masters; Windows machines, whose names are short, `<4 or 5 digits>k8s<number>`.
 */
export function matchesScheme(
  node: Pick<ClusterNode, 'name' | 'role' | 'os'>,
  model: Pick<ApiModel, 'pools'>,
): boolean {
  const name = node.name.toLowerCase();
  if (node.os === 'windows')
    return model.pools.some(({ os }) => os === 'Windows') && /^\d{4,5}k8s[0-9a-z]+$/.test(name);
  const pools =
    node.role === 'master'
      ? ['master']
      : model.pools.filter(({ os }) => os === 'Linux').map((pool) => pool.name);
  return pools.some((pool) => new RegExp(`^k8s-${pool.toLowerCase()}-\\d{8}-${index}$`).test(name));
}

/** The numbers in the names of a cluster's masters; one, unless a name is a stranger's. */
export function vmNumbersOf(nodes: readonly ClusterNode[]): string[] {
  return [
    ...new Set(nodes.flatMap(({ name }) => /^k8s-master-(\d{8})-/.exec(name.toLowerCase())?.[1] ?? [])),
  ];
}
