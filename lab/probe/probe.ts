import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as lab from '../cluster/index.js';
import type { ProberOrder } from './prober.js';

export interface ProbeFlags {
  readonly reads: number;
  readonly writes: number;
  readonly seconds: number;
}

const kubeconfig = `kubeconfig.${lab.network.location}.json`;

/** What asks the lab through every master's address and the balancer, as the admin of the operator's kubeconfig. */
export function proberOrder(
  { fqdn, masters }: { readonly fqdn: string; readonly masters: readonly string[] },
  clusterDir: string,
  rates: { readonly reads: number; readonly writes: number },
): ProberOrder {
  return {
    server: `https://${fqdn}:443`,
    addresses: [...masters, lab.network.publicBalancer],
    kubeconfig: join(clusterDir, 'kubeconfig', kubeconfig),
    newKubeconfig: join(clusterDir, '_rotate_certs_output', 'kubeconfig', kubeconfig),
    namespace: 'lab',
    readsPerSecond: rates.reads,
    writesPerSecond: rates.writes,
  };
}

/** Runs the prober on this terminal, as a client of the lab; resolves to its exit code. */
export async function probe(flags: ProbeFlags): Promise<number> {
  const { clusterDir, nodes, fqdn } = await lab.paths();
  const masters = nodes.filter(({ role }) => role === 'master').map(({ ip }) => ip);
  const folder = await mkdtemp(join(tmpdir(), 'keyroll-lab-probe-'));
  try {
    const file = join(folder, 'order.json');
    await writeFile(file, JSON.stringify(proberOrder({ fqdn, masters }, clusterDir, flags)));
    const program = fileURLToPath(new URL('./main.ts', import.meta.url));
    return await lab.execInteractive(
      [process.execPath, '--import', 'tsx', program, file, String(flags.seconds)],
      'client',
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
