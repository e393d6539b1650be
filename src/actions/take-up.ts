import { setTimeout as sleep } from 'node:timers/promises';
import type { Beginning, StateFolder } from '../adapters/fs/state-folder.js';
import type { NodeShell } from '../adapters/ssh/types.js';
import type { Layout } from '../layouts/layout.js';
import type { ApiModel } from '../model/apimodel.js';
import { masters, type ClusterNode } from '../model/cluster.js';
import { Materials } from '../model/materials.js';
import { relationIn } from '../mint/from-profile.js';
import { leftMasters } from './blockers.js';
import { BlockedError } from './errors.js';
import { servingMasters } from './gates/index.js';
import { isRescueMark } from './rescue-mark.js';
import type { RotateOptions } from './options.js';
import { apiServes, modelIdentity, reachCluster, type Reach } from './reach.js';
import type { Locks, RunControl } from './locks.js';
import { Session } from './session.js';

/** One answer that does not come may be a busy machine's, or a balancer's that has just lost a master. */
const looks = 3;
const lookAgainMs = 1_000;

/**
 * Takes up a rotation that has begun: whose keys and beginning lie in `state`. Says what the journal tells of it.
 * @throws BlockedError when --leave-node names a master
 * @throws LockedError when another run works on this cluster
 */
export async function takeUp(
  options: RotateOptions,
  model: ApiModel,
  layout: Layout,
  control: RunControl,
  state: StateFolder,
): Promise<Session> {
  const materials = state.readMaterials();
  const authorities = ['ca.crt', 'old-ca.crt'].flatMap((name) => materials.get(name) ?? []);
  const reach = await reachCluster(options, model, layout, authorities);
  return orClose(reach, control.locks, () => sessionOf(options, model, layout, control, state, reach));
}

/** What fails on the way to a session leaves neither the lock nor a connection. */
export async function orClose<T>(reach: Reach, locks: Locks, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    await locks.release();
    await reach.fleet.close();
    throw error;
  }
}

async function sessionOf(
  given: RotateOptions,
  model: ApiModel,
  layout: Layout,
  control: RunControl,
  state: StateFolder,
  reach: Reach,
): Promise<Session> {
  const beginning = state.readBeginning();
  const options = withChoices(given, beginning);
  // A node may have been lost since: the error that says so asks for --leave-node on this very command.
  const blockers = leftMasters(beginning.nodes, options.leaveNodes);
  if (blockers.length > 0) throw new BlockedError(blockers);
  const nodes = beginning.nodes.filter(({ name }) => !options.leaveNodes.includes(name));
  const note = (text: string): void => control.emit({ code: 'note', text });
  await control.locks.takeCluster(mastersShells(reach, nodes), note);
  const inventories = new Map(beginning.inventories.map((inventory) => [inventory.node, inventory]));
  const { serviceIp, startedAt } = beginning;
  const rescue = isBegunAsRescue(state) || (await becomesRescue(options, model, layout, nodes, state, reach));
  const unbridged = relationIn(new Materials(state.readMaterials())) === 'same-subject';
  const session = new Session({
    ...control,
    ...{
      rescue,
      unbridged,
      options,
      model,
      layout,
      reach,
      state,
      serviceIp,
      inventories,
      nodes,
      startedAt,
    },
    materials: state.readMaterials(),
  });
  const presented = state.journal.has('phase', 'present') && !state.journal.has('rollback', state.rotation);
  await session.become(presented || rescue ? session.newIdentity : session.oldIdentity);
  return session;
}

/** What was chosen at the beginning holds for every run: a node that was left out then did not join since. */
function withChoices(given: RotateOptions, { choices }: Beginning): RotateOptions {
  return {
    ...given,
    leaveBridge: given.leaveBridge || choices?.leaveBridge === true,
    leaveNodes: [...new Set([...(choices?.leaveNodes ?? []), ...given.leaveNodes])],
  };
}

/** It was begun as one, has become one before, or has no bridge. */
function isBegunAsRescue(state: StateFolder): boolean {
  const materials = new Materials(state.readMaterials());
  return state.journal.records.some(isRescueMark) || relationIn(materials) === 'same-subject';
}

/**
 * It was asked for, and the API serves neither admin, at three looks.
 * @throws BlockedError when a master's own API server is ready: then it is the way to it that is broken
 */
export async function becomesRescue(
  { force, skipGates = [] }: RotateOptions,
  model: ApiModel,
  layout: Layout,
  nodes: readonly ClusterNode[],
  state: StateFolder,
  reach: Reach,
): Promise<boolean> {
  if (force !== true) return false;
  for (let look = 0; look < looks; look += 1) {
    if (look > 0) await sleep(lookAgainMs);
    if (await isServed(model, state, reach)) return false;
  }
  const serving = await servingMasters(layout, nodes, (name) => shellOf(reach, nodes, name));
  if (serving.length > 0 && !skipGates.includes('api')) throw new BlockedError(serving);
  return true;
}

/** Whether the API answers the old admin or the new one. */
async function isServed(model: ApiModel, state: StateFolder, reach: Reach): Promise<boolean> {
  const materials = new Materials(state.readMaterials());
  const ca = ['ca.crt', 'old-ca.crt'].map((name) => materials.get(name));
  const pair = { certificate: materials.get('kubectlClient.crt'), key: materials.get('kubectlClient.key') };
  const admins = [
    { ...modelIdentity(model), ca },
    { ca, ...pair },
  ].map((identity) => reach.kube(identity));
  const served = await Promise.all(admins.map(apiServes));
  await Promise.all(admins.map((kube) => kube.close()));
  return served.includes(true);
}

export function shellOf(reach: Reach, nodes: readonly ClusterNode[], name: string): NodeShell {
  const node = nodes.find((candidate) => candidate.name === name);
  if (!node) throw new Error(`node ${name}: is not in the list of nodes`);
  return reach.shell(node);
}

/** The masters' shells by name, in their order. */
export function mastersShells(reach: Reach, nodes: readonly ClusterNode[]): Map<string, NodeShell> {
  return new Map(masters(nodes).map((node) => [node.name, reach.shell(node)]));
}
