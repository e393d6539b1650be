import { join } from 'node:path';
import { run, type CommandOptions } from '../host/command.js';
import { inNetworkWithHosts } from '../host/namespace.js';
import { labFolders } from '../machines/folders.js';
import { network, type LabPlan } from '../plan.js';

/** Runs kubectl in the lab's network with the operator's kubeconfig. */
export class Kubectl {
  constructor(
    private readonly plan: LabPlan,
    private readonly binaries: string,
  ) {}

  /** Resolves to stdout. */
  async run(args: readonly string[], options: CommandOptions = {}): Promise<string> {
    const config = join(labFolders(this.plan).cluster, 'kubeconfig', `kubeconfig.${network.location}.json`);
    const argv = [join(this.binaries, 'kubectl'), `--kubeconfig=${config}`, '--request-timeout=20s', ...args];
    return run(inNetworkWithHosts(this.plan, argv), { ...options, env: { HOME: '/nonexistent' } });
  }

  /** The items of a list, parsed. */
  async list<T>(what: readonly string[]): Promise<T[]> {
    return (JSON.parse(await this.run(['get', ...what, '-o', 'json'])) as { items: T[] }).items;
  }
}
