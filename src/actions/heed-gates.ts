import type { ApiModel } from '../model/apimodel.js';
import type { ClusterNode } from '../model/cluster.js';
import type { Finding } from '../model/plan.js';
import type { Emit } from '../report/events.js';
import { askAzure } from './azure-preflight.js';
import type { GateContext } from './gates/gate.js';
import { gateFindings } from './gates/index.js';
import type { RotateOptions } from './options.js';

/** How long a busy cluster may take to show that it is well, ms. */
const patienceMs = 20_000;

/** What nodes and cluster show against the start; only told where the gate is skipped. Looks only; may be called again. */
export async function clusterFindings(
  options: RotateOptions,
  emit: Emit,
  cluster: Pick<GateContext, 'facts' | 'model' | 'kube' | 'shell' | 'rescue'>,
): Promise<Finding[]> {
  const onWait = (findings: readonly Finding[]): void => {
    const seen = findings.map(({ where, what }) => `${where}: ${what}`).join('; ');
    emit({ code: 'doing', text: `waiting for the cluster to be well: ${seen}` });
  };
  const skipped = options.skipGates ?? [];
  return pastGates(options, emit, await gateFindings({ ...cluster, skipped, patienceMs, onWait }));
}

/** What Azure says against the start; only told when its gate is skipped. */
export async function azureFindings(
  options: RotateOptions,
  model: ApiModel,
  nodes: readonly ClusterNode[],
  emit: Emit,
): Promise<Finding[]> {
  if (options.azure === undefined) return [];
  emit({ code: 'doing', text: `asking Azure for the machines in ${options.azure.resourceGroup}` });
  return pastGates(options, emit, await askAzure(options.azure, model, nodes));
}

/** What is left of findings of gates: those of skipped gates are told, and forbid nothing. */
function pastGates({ skipGates = [] }: RotateOptions, emit: Emit, findings: readonly Finding[]): Finding[] {
  const isSkipped = ({ code }: Finding): boolean => skipGates.includes(code);
  for (const finding of findings.filter(isSkipped)) emit({ code: 'finding', level: 'note', finding });
  return findings.filter((finding) => !isSkipped(finding));
}
