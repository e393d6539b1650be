/** One machine of the cluster. */
export interface PlannedNode {
  readonly name: string;
  readonly role: 'master' | 'agent';
  readonly index: number;
  readonly address: string;
  /** The first three parts of its pods' addresses. */
  readonly podNetwork: string;
}

/** Names, addresses and ports of one cluster. */
export interface ClusterPlan {
  readonly name: string;
  readonly location: string;
  /** Of the masters' load balancer; the cluster's public name is an address here, since a name would need a resolver. */
  readonly balancer: string;
  readonly apiPort: number;
  readonly serviceRange: string;
  readonly kubernetesService: string;
  readonly nodes: readonly PlannedNode[];
}

export const adminUser = 'azureuser';
export const agentPool = 'linuxpool';

export interface Size {
  readonly masters: number;
  readonly agents: number;
}

/** @param second the second part of all addresses, 127.<second>.0.0/16, which no other cluster on this computer has */
export function planCluster(second: number, apiPort: number, { masters, agents }: Size): ClusterPlan {
  const prefix = `127.${second}`;
  const number = String(10_000_000 + second * 12_347);
  const node =
    (role: PlannedNode['role'], pool: string, third: number, podsFrom: number) =>
    (_: unknown, index: number): PlannedNode => ({
      name: `k8s-${pool}-${number}-${index}`,
      role,
      index,
      address: `${prefix}.${third}.${role === 'master' ? 5 + index : 4 + index}`,
      podNetwork: `${prefix}.${podsFrom + index}`,
    });
  return {
    name: 'hollow',
    location: 'local',
    balancer: `${prefix}.0.10`,
    apiPort,
    serviceRange: `${prefix}.250.0/24`,
    kubernetesService: `${prefix}.250.1`,
    nodes: [
      ...Array.from({ length: masters }, node('master', 'master', 255, 10)),
      ...Array.from({ length: agents }, node('agent', agentPool, 240, 20)),
    ],
  };
}

export function mastersOf({ nodes }: ClusterPlan): PlannedNode[] {
  return nodes.filter(({ role }) => role === 'master');
}
