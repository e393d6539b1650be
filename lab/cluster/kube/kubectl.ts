import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { run, type CommandOptions } from '../host/command.js';
import { inNetworkWithHosts } from '../host/namespace.js';
import { labFolders } from '../machines/folders.js';
import { network, type LabPlan } from '../plan.js';

/**
 * The operator's kubeconfig that every master accepts now: a rotation puts the new one aside, as aks-engine does, until it
 * has ended.
 */
export function currentKubeconfig(plan: Pick<LabPlan, 'stateDir'>): string {
  const { cluster } = labFolders(plan);
  const file = join('kubeconfig', `kubeconfig.${network.location}.json`);
  const aside = join(cluster, '_rotate_certs_output', file);
  return existsSync(aside) ? aside : join(cluster, file);
}

/** Runs kubectl in the lab's network with the operator's kubeconfig. */
export class Kubectl {
  constructor(
    private readonly plan: LabPlan,
    private readonly binaries: string,
  ) {}

  /** Resolves to stdout. */
  async run(args: readonly string[], options: CommandOptions = {}): Promise<string> {
    const config = `--kubeconfig=${currentKubeconfig(this.plan)}`;
    const argv = [join(this.binaries, 'kubectl'), config, '--request-timeout=20s', ...args];
    return run(inNetworkWithHosts(this.plan, argv), { ...options, env: { HOME: '/nonexistent' } });
  }

  /** The items of a list, parsed. */
  async list<T>(what: readonly string[]): Promise<T[]> {
    return (JSON.parse(await this.run(['get', ...what, '-o', 'json'])) as { items: T[] }).items;
  }
}
