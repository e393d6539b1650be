import { setTimeout as sleep } from 'node:timers/promises';
import pMap from 'p-map';
import { execute } from '../execute/executor.js';
import { StoppedError, StopRequest } from '../execute/stop.js';
import { inspectNodes } from '../inventory/inspect.js';
import { observeBarrier, type Observation } from '../inventory/observe-barrier.js';
import { nodesFromApi } from '../inventory/discover.js';
import { mintForNode } from '../mint/mint.js';
import { byOs, masters, type ClusterNode } from '../model/cluster.js';
import {
  phaseNames,
  rescuePhaseNames,
  stepsOf,
  type AnyPhaseName,
  type Barrier,
  type Flow,
  type PhaseName,
  type Step,
} from '../model/plan.js';
import type { KubeClient, KubeObject } from '../adapters/kube/types.js';
import type { Layout } from '../layouts/layout.js';
import { planPhase } from '../plan/plan.js';
import { planKeeping, planPreparation } from '../plan/prepare.js';
import { refreshNode, refreshWindowsNode, whole } from '../plan/refresh.js';
import { feltMs } from '../steps/calm.js';
import { runStep } from '../steps/index.js';
import { members } from '../steps/etcd.js';
import { pauses } from '../steps/wait.js';
import { holdsNodeCredentials, type Pod } from '../steps/workloads.js';
import { rememberBeginning } from './begin.js';
import { BarrierError } from './errors.js';
import { openPart } from './found.js';
import { messageOf } from './reach.js';
import type { Session } from './session.js';
import { stepContext } from './step-context.js';

const barrierSeconds = 150;
const barrierLookMs = 1000;

/**
 * One phase: plan it from what is so now, do its steps, read the list of nodes again, wait until its barrier holds.
 * Returns what the servers showed at the barrier. A phase that the journal has as ended is not run again.
 */
export async function runPhase(session: Session, name: AnyPhaseName): Promise<readonly Observation[]> {
  const { journal } = session.state;
  const ended = journal.find('phase', name);
  if (ended) return (ended.details as { observations: Observation[] }).observations;
  const begun = Date.now();
  // Masters that are dead have no leaders, and a rescue needs none.
  const led = async (): Promise<Awaited<ReturnType<typeof leaders>>> =>
    isRescue(name) ? {} : leaders(session);
  const phase = planPhase(name, session.facts(await led()));
  session.emit({ code: 'phase-begins', phase: name, steps: stepsOf(phase.flow).length });
  await executeFlow(session, phase.flow);
  if (isForward(name) || name === 'rescue-nodes') await readNodesAgain(session, name);
  const observations = await holdBarrier(
    session,
    openPart(planPhase(name, session.facts(await led())).barrier, journal),
  );
  journal.append('phase', name, { ms: Date.now() - begun, observations });
  session.emit({ code: 'phase-ends', phase: name, ms: Date.now() - begun });
  await keepOnMasters(session);
  return observations;
}

function isRescue(name: AnyPhaseName): boolean {
  return rescuePhaseNames.some((phase) => phase === name);
}

function isForward(name: AnyPhaseName): name is PhaseName {
  return phaseNames.some((phase) => phase === name);
}

/** What the masters keep for `keyroll adopt` gets the journal as it is now. A master that is away keeps the former one. */
export async function keepOnMasters(session: Session): Promise<void> {
  const archive = session.state.archive().toString('base64');
  await pMap(masters(session.nodes), async ({ name }) => {
    try {
      await session.shell(name).run('keep-state', ['put', session.rotation], { stdin: archive });
    } catch (error) {
      session.note(`node ${name}: keeps an older state of the rotation (${messageOf(error)})`);
    }
  });
}

/** What must be on every node before the first change, but for the keys; steps that are done are not done again. */
export async function prepareNodes(session: Session): Promise<void> {
  session.emit({ code: 'doing', text: 'making the nodes ready: boot units, etcd snapshots' });
  const facts = session.facts();
  await executeFlow(session, planPreparation(facts, session.rescue));
}

/** The new keys lie on every master, before the first change: with the operator's folder lost, `keyroll adopt` has them. */
export function keepKeysOnMasters(session: Session): Promise<void> {
  return executeFlow(session, planKeeping(session.facts()));
}

function executeFlow(session: Session, flow: Flow): Promise<void> {
  const stop = new StopRequest(session.stop);
  const context = stepContext(session, stop);
  return execute<Step>(flow, {
    journal: session.state.journal,
    run: (step) => runStep(step, context),
    mayBegin: async (step) => {
      stop.check();
      const felt = feltMs(step);
      if (felt !== undefined) await context.calm(felt);
      await session.locks.assure();
    },
    onStart: ({ id, title }) => session.emit({ code: 'step-begins', id, title }),
    onEnd: ({ id, title }, ms) => session.emit({ code: 'step-ends', id, title, ms }),
    onFail: ({ id, title }, error) => {
      if (error instanceof StoppedError) return;
      session.emit({ code: 'step-fails', id, title, error: messageOf(error) });
      // What only waits is begun again by the next run; nobody has to wait half an hour for it now.
      stop.request(`stopped waiting, because this failed: ${title}`);
    },
  });
}

interface Lease extends KubeObject {
  spec?: { holderIdentity?: string };
}

async function leaders(session: Session): Promise<{ etcdLeader?: string; controllerManagerLeader?: string }> {
  const etcdLeader = (await members(stepContext(session))).find((member) => member.leader)?.node;
  const lease = await session
    .kube()
    .get<Lease>(
      `/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/${session.layout.controllerManager.lease}`,
    );
  const holder = lease.spec?.holderIdentity ?? '';
  const controllerManagerLeader = masters(session.nodes).find(({ name }) =>
    holder.startsWith(`${name}_`),
  )?.name;
  return {
    ...(etcdLeader === undefined ? {} : { etcdLeader }),
    ...(controllerManagerLeader === undefined ? {} : { controllerManagerLeader }),
  };
}

/**
 * The list of nodes, read again before a barrier. One that is gone from it blocks, since it may come back with the old
 * trust; an agent that joined came with the old trust, and is refreshed like the others from `refresh` on.
 */
async function readNodesAgain(session: Session, phase: PhaseName | 'rescue-nodes'): Promise<void> {
  const listed = (await nodesFromApi(session.kube())).nodes.filter(
    ({ name }) => !session.options.leaveNodes.includes(name),
  );
  const gone = session.nodes.filter(({ name }) => !listed.some((node) => node.name === name));
  if (gone.length > 0) {
    const names = gone.map(({ name }) => name).join(', ');
    throw new Error(
      `${names}: no longer in the cluster's list of nodes; if it was taken away for good, run the same command again with --leave-node NAME`,
    );
  }
  const fresh = listed.filter(({ name }) => !session.nodes.some((node) => node.name === name));
  if (fresh.length === 0) return;
  await takeIn(session, fresh);
  if (phase === 'trust' || phase === 'present') return;
  const { nodes, windows } = byOs(fresh);
  const flows = [
    ...nodes.map((node) => whole(refreshNode(session.facts(), node))),
    ...windows.map(refreshWindowsNode),
  ];
  await executeFlow(session, { parallel: flows, limit: 3 });
  await restartNodePods(session.kube(), session.layout, fresh);
}

async function takeIn(session: Session, fresh: readonly ClusterNode[]): Promise<void> {
  const [master] = fresh.filter(({ role }) => role === 'master');
  if (master)
    throw new Error(
      `${master.name}: a master joined during the rotation, which this version cannot take in; remove it, then run the same command again`,
    );
  for (const { name } of fresh) session.note(`node ${name} joined during the rotation and is refreshed too`);
  session.nodes = [...session.nodes, ...fresh];
  const { nodes } = byOs(fresh);
  const seen = await inspectNodes(nodes, session.layout, session.model.adminUsername, session.shell);
  for (const [name, inventory] of seen) session.inventories.set(name, inventory);
  session.state.writeMaterials(
    await mintForNode(session.facts(), nodes, new Date(), session.options.validity),
  );
  session.setMaterials(session.state.readMaterials());
  rememberBeginning(session);
}

/** What a DaemonSet started on a newcomer before its files were new holds the old ones, however young it is. */
export async function restartNodePods(
  kube: KubeClient,
  layout: Layout,
  nodes: readonly ClusterNode[],
): Promise<void> {
  const names = new Set(nodes.map(({ name }) => name));
  const pods = (await kube.list<Pod>('/api/v1/pods')).filter(
    ({ spec, metadata }) =>
      names.has(spec.nodeName ?? '') &&
      holdsNodeCredentials(spec, layout) &&
      metadata.ownerReferences?.[0]?.kind === 'DaemonSet',
  );
  for (const { metadata } of pods)
    await kube.delete(`/api/v1/namespaces/${metadata.namespace ?? ''}/pods/${metadata.name}`);
}

/** Looks until everything is as the barrier wants it. @throws BarrierError with what is not, after its time */
async function holdBarrier(session: Session, barrier: Barrier): Promise<readonly Observation[]> {
  const until = Date.now() + barrierSeconds * 1000;
  let told = false;
  const next = pauses(barrierLookMs);
  for (;;) {
    const { observations, deviations } = await observeBarrier(barrier, session.materials, session.shell);
    if (deviations.length === 0) return observations;
    if (Date.now() >= until) throw new BarrierError(barrier.phase, deviations, barrierSeconds);
    if (!told) session.emit({ code: 'barrier-waits', phase: barrier.phase, deviations });
    told = true;
    session.stop.check();
    await sleep(next.next().value);
  }
}
