import { join } from 'node:path';
import type { LabNode, LabPlan } from '../plan.js';

/** Where everything of a lab lies on the host. */
export function labFolders(plan: Pick<LabPlan, 'stateDir'>) {
  const at = (name: string): string => join(plan.stateDir, name);
  return {
    state: plan.stateDir,
    record: at('lab.json'),
    lock: at('lock'),
    /** What aks-engine would have left with the operator: API model, kubeconfig, SSH key. */
    cluster: at('cluster'),
    /**
     * In memory: this machine's one disk took over a second for a sync, so that etcd elected a new leader, and
     * kube-apiserver answered no write while it waited for its audit log.
     */
    nodes: at('nodes'),
    snapshots: at('snapshots'),
    balancer: at('balancer'),
    /** Keys that outlive `down`. */
    pki: join(at('pki'), 'pki.json'),
  };
}

/** Where the parts of one node lie on the host. */
export function nodeFolders(plan: Pick<LabPlan, 'stateDir'>, node: Pick<LabNode, 'name'>) {
  const at = (name: string): string => join(labFolders(plan).nodes, node.name, name);
  return {
    all: at(''),
    /** The node's files as it sees them, while it is mounted. */
    root: at('root'),
    /** Files in which the node differs from the shared root file system. */
    upper: at('upper'),
    work: at('work'),
    containerd: at('containerd'),
    kubelet: at('kubelet'),
    etcd: at('etcd'),
    /** What the lab's pods on this node wrote. */
    results: at('results'),
    console: at('console.log'),
    pidFile: at('nspawn.pid'),
  };
}

export type NodeFolders = ReturnType<typeof nodeFolders>;

/** Real folders that are bound into a node, since an overlay cannot carry another one. */
export const boundFolders = {
  containerd: '/var/lib/containerd',
  kubelet: '/var/lib/kubelet',
  etcd: '/var/lib/etcddisk',
  results: '/var/lib/lab-results',
} as const;

/** What a snapshot keeps of a node. */
export const keptFolders = ['upper', ...Object.keys(boundFolders)] as (keyof NodeFolders)[];
