import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { network } from '../../../lab/cluster/plan.js';
import type { ProbeStats } from '../../../src/probe/index.js';
import type { TestLab } from '../test-lab.js';
import { startChild, type Child } from './child.js';

/** What the load generator is told. Holds paths, no secrets. */
export interface LoadOrder {
  readonly server: string;
  /** Addresses to dial: every master's own, and the balancer's. */
  readonly addresses: readonly string[];
  readonly kubeconfig: string;
  /** Once it is there it is used instead. */
  readonly newKubeconfig?: string;
  readonly namespace: string;
  readonly readsPerSecond: number;
  readonly writesPerSecond: number;
}

export interface LoadResult {
  readonly stats: ProbeStats;
  /** When the new kubeconfig was seen, ms since 1970. */
  readonly switchedAt?: number;
}

/** Where a rotation puts the new admin kubeconfig while it runs. */
export function newKubeconfigOf(lab: TestLab): string {
  return join(lab.clusterDir, '_rotate_certs_output', 'kubeconfig', `kubeconfig.${network.location}.json`);
}

/** Starts 100 reads and 30 writes a second on kept connections, spread over all masters and the balancer. */
export async function startLoad(lab: TestLab, folder: string, kubeconfig: string): Promise<Child> {
  const order: LoadOrder = {
    server: `https://${lab.plan.fqdn}:443`,
    addresses: [...lab.masters.map(({ ip }) => ip), network.publicBalancer],
    kubeconfig,
    newKubeconfig: newKubeconfigOf(lab),
    namespace: 'lab',
    readsPerSecond: 100,
    writesPerSecond: 30,
  };
  const file = join(folder, 'load.json');
  await writeFile(file, JSON.stringify(order));
  return startChild(lab, 'load-main', file);
}
