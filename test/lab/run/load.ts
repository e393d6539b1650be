import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { network } from '../../../lab/cluster/plan.js';
import { proberOrder } from '../../../lab/probe/probe.js';
import type { ProberResult } from '../../../lab/probe/prober.js';
import type { TestLab } from '../test-lab.js';
import { startChild, type Child } from './child.js';

export type LoadResult = ProberResult;

/** Where a rotation puts the new admin kubeconfig while it runs. */
export function newKubeconfigOf(lab: TestLab): string {
  return join(lab.clusterDir, '_rotate_certs_output', 'kubeconfig', `kubeconfig.${network.location}.json`);
}

/** Requests a second, and as whom. */
export interface LoadRates {
  readonly reads?: number;
  readonly writes?: number;
  /** The old kubeconfig to the end. */
  readonly staysOld?: boolean;
  /** A master that is reached through the balancer alone. */
  readonly notDirectly?: string;
}

/** Starts reads and writes on kept connections, spread over all masters and the balancer. */
export async function startLoad(
  lab: TestLab,
  folder: string,
  kubeconfig: string,
  { reads = 100, writes = 30, staysOld = false, notDirectly }: LoadRates = {},
): Promise<Child> {
  const direct = lab.masters.filter(({ name }) => name !== notDirectly);
  const addressed = { fqdn: lab.plan.fqdn, masters: direct.map(({ ip }) => ip) };
  const { newKubeconfig, ...order } = {
    ...proberOrder(addressed, lab.clusterDir, { reads, writes }),
    kubeconfig,
  };
  const file = join(folder, 'load.json');
  await writeFile(file, JSON.stringify(staysOld ? order : { ...order, newKubeconfig }));
  return startChild(lab, 'load-main', file);
}
