import type { ClusterNode } from '../model/cluster.js';
import type { Flow, PlannedFile, Side } from '../model/plan.js';
import { fileOf, mastersOf, type Facts } from './facts.js';

/** A kubeconfig that trusts one side's CA by a file of keyroll's own, whatever `ca.crt` holds meanwhile. */
export function controllerManagerKubeconfig(facts: Facts, node: ClusterNode, side: Side): PlannedFile {
  const { kubeconfig, own, ca } = facts.layout;
  const seen = fileOf(facts, node.name, kubeconfig);
  if (!seen.content.includes(ca)) {
    throw new Error(
      `node ${node.name}: ${kubeconfig} does not name ${ca}, expected it to trust that file; restore it, then run the same command again`,
    );
  }
  return {
    path: `${own}/${side === 'new' ? 'kubeconfig' : 'kubeconfig-old'}`,
    mode: '600',
    owner: 'root:root',
    content: { text: seen.content.replaceAll(ca, `${own}/ca-${side}.crt`) },
  };
}

/** Followers beside each other, then the leader: only its end leaves the cluster without a controller for a moment. */
export function followersFirst(facts: Facts, flow: (node: ClusterNode) => Flow): Flow[] {
  const leads = (node: ClusterNode): boolean => node.name === facts.controllerManagerLeader;
  const all = mastersOf(facts);
  return [{ parallel: all.filter((node) => !leads(node)).map(flow) }, ...all.filter(leads).map(flow)];
}
