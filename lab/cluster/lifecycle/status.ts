import { LabCgroups } from '../host/cgroups.js';
import { hasNetwork } from '../host/namespace.js';
import { ailments, clusterHealth, expectedPods } from '../kube/health.js';
import { Kubectl } from '../kube/kubectl.js';
import { leaderOf } from '../machines/run.js';
import { mastersOf, planLab, stateDirFromEnvironment, type LabNode, type LabPlan } from '../plan.js';
import { readRecord, type LabRecord } from '../record.js';
import { balancerRuns } from './start.js';

export interface NodeStatus extends LabNode {
  /** Process id of its systemd on the host. */
  readonly pid: number | undefined;
}

/** What can be seen of a lab. */
export interface LabStatus {
  readonly name: string;
  /** `absent`: there is none; else the phase of its record. */
  readonly phase: 'absent' | LabRecord['phase'];
  readonly version: string | undefined;
  readonly network: boolean;
  readonly balancer: boolean;
  readonly nodes: readonly NodeStatus[];
  /** Whether everything runs and is well. */
  readonly healthy: boolean;
  /** What is not well, in words. */
  readonly problems: readonly string[];
}

/** Looks at the lab without changing anything. */
export async function status(stateDir = stateDirFromEnvironment()): Promise<LabStatus> {
  const record = await readRecord(stateDir);
  if (record === undefined) return absent(stateDir);
  const plan = planLab(stateDir, record.options);
  const cgroups = await LabCgroups.ofHost(plan.name);
  const network = hasNetwork(plan);
  const balancer = await balancerRuns(cgroups);
  const nodes = await Promise.all(
    plan.nodes.map(async (node) => ({ ...node, pid: await leaderOf(plan, cgroups, node) })),
  );
  const down = nodes.filter((node) => node.pid === undefined).map((node) => node.name);
  const problems = [
    ...(record.phase === 'ready'
      ? []
      : [`the last command was interrupted (${record.phase}); run \`lab up\``]),
    ...(network ? [] : ['no network namespace']),
    ...(balancer ? [] : ['the balancer does not run']),
    ...(down.length === 0 ? [] : [`nodes down: ${down.join(', ')}`]),
    ...(network && balancer ? await problemsOfCluster(plan, record) : []),
  ];
  const { phase, version } = record;
  return {
    name: plan.name,
    phase,
    version,
    network,
    balancer,
    nodes,
    healthy: problems.length === 0,
    problems,
  };
}

function absent(stateDir: string): LabStatus {
  const { name } = planLab(stateDir, { masters: 1, agents: 0 });
  const nothing = {
    network: false,
    balancer: false,
    nodes: [],
    healthy: false,
    problems: ['there is no lab'],
  };
  return { name, phase: 'absent', version: undefined, ...nothing };
}

async function problemsOfCluster(plan: LabPlan, record: LabRecord): Promise<string[]> {
  const masters = mastersOf(plan).length;
  const agents = plan.nodes.length - masters;
  try {
    const health = await clusterHealth(new Kubectl(plan, record.shared.kubernetes));
    return ailments(health, { nodes: masters + agents, pods: expectedPods(masters, agents) });
  } catch (error) {
    return [`the API does not answer: ${error instanceof Error ? error.message : String(error)}`];
  }
}
