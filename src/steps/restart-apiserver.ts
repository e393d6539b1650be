import { RemoteError } from '../adapters/ssh/error.js';
import { masters, type ClusterNode } from '../model/cluster.js';
import type { ManifestSwap, StepOf } from '../model/plan.js';
import type { StepContext, StepRunner } from './context.js';
import { fileLines } from './file-lines.js';
import { leadElsewhere } from './move-leader.js';
import { runOnNode } from './remote-step.js';

/**
 * Restarts one master's kube-apiserver, drained, in a unit of its own on the node, and checks on the unit's word that
 * the process runs with its new arguments. Should this master's etcd member lead, leadership moves first, behind a pause;
 * its connections go to the master whose member leads, if that one answers. Where nobody took them, the gap is measured.
 * @throws RemoteError when the unit failed, also when etcd had to be left alone; GapError when an only master would have had
 * a gap that nobody accepted; the same step can be run again
 */
export const restartApiServer: StepRunner<'restart-apiserver'> = async (step, context) => {
  const { layout, materials, rotation, node } = { ...context, node: step.node };
  if (step.before.length > 0) {
    await context.shell(node).run('install-files', [rotation], { stdin: fileLines(step.before, materials) });
  }
  const leader = await leaderForRestart(step, context);
  const log = await orGap(
    runOnNode(
      context,
      node,
      step.id,
      'restart-apiserver',
      {
        ...masterSettings(node, context, step.etcd, step.swap, leader),
        second_port: String(step.second?.port ?? ''),
        gap: context.acceptsGap ? 'yes' : 'no',
      },
      {
        manifest: step.swap.text,
        files: step.files,
        ...(step.second === undefined ? {} : { second: step.second.text }),
      },
    ),
  );
  return {
    node,
    process: layout.apiServer.program,
    etcd: step.etcd,
    ...gapIn(log),
    log,
  };
};

/** An only master was left as it is, since nobody had accepted that nobody answers while it restarts. */
export class GapError extends Error {
  override readonly name = 'GapError';
}

/** What restart-apiserver.sh says of it. */
const gapText = '--skip-gate single-master-gap';

async function orGap<T>(restart: Promise<T>): Promise<T> {
  try {
    return await restart;
  } catch (error) {
    if (error instanceof RemoteError && `${error.message}${error.stderr}`.includes(gapText))
      throw new GapError(error.message, { cause: error });
    throw error;
  }
}

/** For how long nobody answered, by the node's clock, where nobody took the connections. */
function gapIn(log: readonly string[]): { gapMs?: number } {
  const at = (mark: string): number => {
    const line = log.find((each) => each.replace(/^\d+ /, '').startsWith(mark));
    return Number(line?.split(' ')[0]);
  };
  const gapMs = at('ready') - at('gap:');
  return Number.isNaN(gapMs) ? {} : { gapMs };
}

/**
 * A member that waits for a leader that has died answers no read for 7 s (etcd 3.3), the member that died is back after
 * one. So a master that takes another one's connections is best the leader's own, and the one that restarts is best not.
 */
async function leaderForRestart(
  step: StepOf<'restart-apiserver'>,
  context: StepContext,
): Promise<string | undefined> {
  // An only member leads whatever happens.
  if (step.second) return undefined;
  try {
    return await leadElsewhere(context, step);
  } catch (error) {
    if (step.etcd) throw error;
    context.note(`node ${step.node}: restarts without regard to etcd's leader: ${String(error)}`);
    return undefined;
  }
}

/** What the scripts of a master's restart are told about it and the other masters; `leader` is the first to be asked. */
export function masterSettings(
  node: string,
  context: StepContext,
  etcd: boolean,
  swap: ManifestSwap,
  leader: string | undefined,
): Record<string, string> {
  const { layout } = context;
  const all = masters(context.nodes());
  const own = all.find((master) => master.name === node);
  if (!own) throw new Error(`node ${node}: is no master`);
  const others = leaderFirst(
    all.filter((master) => master !== own),
    leader,
  );
  const [client, etcdClient] = ['client', 'etcdclient'].map((name) =>
    layout.credentials(all.length).find((spec) => spec.name === name),
  );
  if (!client || !etcdClient) throw new Error(`layout ${layout.name}: names no client certificates`);
  return {
    own: own.address,
    service: context.serviceIp,
    port: String(layout.apiPorts.port),
    ports: layout.apiPorts.all.join(' '),
    targets: others.map((master) => master.address).join(' '),
    old: swap.old.join(' '),
    new: swap.new,
    mode: swap.mode,
    owner: swap.owner,
    arguments: swap.arguments.join('\n'),
    watchdogs: layout.watchdogs.join(' '),
    etcd: etcd ? 'yes' : 'no',
    endpoints: others.map((master) => context.etcdEndpoints.get(master.name) ?? '').join(' '),
    certificate: client.certificate,
    key: client.key,
    ca: layout.ca,
    etcd_certificate: etcdClient.certificate,
    etcd_key: etcdClient.key,
  };
}

function leaderFirst(nodes: readonly ClusterNode[], leader: string | undefined): ClusterNode[] {
  const leads = ({ name }: ClusterNode): boolean => name === leader;
  return [...nodes.filter(leads), ...nodes.filter((node) => !leads(node))];
}
