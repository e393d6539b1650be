import { setTimeout as sleep } from 'node:timers/promises';
import type { Conversation } from '../adapters/ssh/types.js';
import { StoppedError } from '../execute/stop.js';
import { masters } from '../model/cluster.js';
import type { Step } from '../model/plan.js';
import { serverFeltMs } from './calm.js';
import { members, type EtcdMember } from './etcd.js';
import type { StepContext, StepRunner } from './context.js';

/** Requests in flight end in this time (ms). */
const settleMs = 250;
/** The node ends a pause after this time (s) by itself. */
const boundSeconds = 3;
const answerMs = 2500;
/** A pause that took longer to begin comes again: what follows may take 2.35 s, and its timer runs. */
const latestMs = 600;
/** The last try may take longer, on a machine that never is that quick: what follows mostly takes half a second. */
const latestAtLastMs = 1500;
const pauseTries = 3;
/** In which clients that were held are answered. */
const betweenTriesMs = 3000;
const noLeader = 'etcd: found no leader; check its health, then run the same command again';

/**
 * Moves etcd's leadership while no master takes in a request, or asks etcd for anything by itself: reads and writes in
 * flight fail when it moves (on every master), held ones are sent again by TCP and only come late. A read that
 * reaches a new leader of etcd 3.3 too soon is lost and holds up all reads of its member for 7 s, whoever asked for it;
 * so the pause lasts until each member has shown that it serves under the new leader. Shells and timers are ready before
 * the pause begins, so that it stays short.
 */
export const moveLeader: StepRunner<'move-leader'> = async (step, context) => {
  const all = await members(context);
  const leader = all.find((member) => member.leader);
  if (!leader) throw new Error(noLeader);
  if (!step.away.includes(leader.node)) return { moved: false, leader: leader.node };
  return moveTo(
    context,
    step.id,
    leader,
    all.find((member) => member.node === step.to),
  );
};

/**
 * Moves leadership away from a master that is about to restart, should its member lead; then waits for the calm, as before
 * any disturbance. Resolves to the name of the master whose member leads.
 * @throws Error when members elect one just now
 */
export async function leadElsewhere(
  context: StepContext,
  { id, node }: Pick<Step, 'id'> & { readonly node: string },
): Promise<string> {
  const all = await members(context);
  const leader = all.find((member) => member.leader);
  if (!leader) throw new Error(noLeader);
  if (leader.node !== node) return leader.node;
  const { to } = await moveTo(
    context,
    id,
    leader,
    all.find((member) => member !== leader),
  );
  if (to === undefined) throw new Error(noLeader);
  try {
    await context.calm(serverFeltMs);
  } catch (error) {
    // A stop ends the wait and not the step, which is in hand.
    if (!(error instanceof StoppedError)) throw error;
  }
  return to;
}

/** A move of leadership, with the pauses that it lay in. */
export interface Moved {
  readonly moved: true;
  readonly from: string;
  readonly to: string | undefined;
  readonly pauses: readonly Pause[];
  readonly move: { readonly begun: number; readonly ended: number };
  /** Every member served under the new leader before the pauses ended. */
  readonly settled: boolean;
}

async function moveTo(
  context: StepContext,
  id: string,
  leader: EtcdMember,
  target: EtcdMember | undefined,
): Promise<Moved> {
  if (!target)
    throw new Error(
      `etcd: found no member that could lead instead of ${leader.node}; check its health, then run the same command again`,
    );
  const ofThis = { moved: true, from: leader.node, to: target.node } as const;
  const result = await behindPause(context, leader, target, (under) => {
    // At once: it has moved, whatever comes of the step that it belongs to.
    context.journal.append('fact', `leadership/${id}`, { ...ofThis, ...under });
  });
  if (!result.settled)
    context.note('etcd: a member did not answer in time under its new leader; its reads may wait for 7 s');
  const now = (await members(context)).find((member) => member.leader);
  if (now?.node === leader.node)
    throw new Error(`etcd: leadership is still on ${leader.node}; run the same command again`);
  return { ...ofThis, to: now?.node, ...result };
}

/** The pauses that a move lay in, and what had been seen when they ended. */
type Under = Pick<Moved, 'pauses' | 'move' | 'settled'>;

interface Pause {
  readonly node: string;
  /** This machine's clock, ms: the pause had begun by `begun`, and lasted until `ended` at least. */
  readonly begun: number;
  readonly ended: number;
}

async function behindPause(
  context: StepContext,
  leader: EtcdMember,
  target: EtcdMember,
  onMoved: (under: Under) => void,
): Promise<Under> {
  const { layout } = context;
  const etcdClient = layout.credentials(1).find((spec) => spec.name === 'etcdclient');
  if (!etcdClient) throw new Error(`layout ${layout.name}: names no etcd client certificate`);
  const pauseArgs = [String(layout.apiPorts.port), String(layout.etcdPorts.client), String(boundSeconds)];
  const endpoint = (node: string): string => context.etcdEndpoints.get(node) ?? '';
  const endpoints = masters(context.nodes()).map(({ name }) => endpoint(name));
  const talks: { name: string; talk: Conversation }[] = [];
  try {
    for (const { name } of masters(context.nodes())) {
      talks.push({
        name,
        talk: await context.shell(name).converse('pause', pauseArgs),
      });
    }
    const mover = await context
      .shell(leader.node)
      .converse('move-leader', [
        ...[layout.ca, etcdClient.certificate, etcdClient.key, target.id],
        ...[endpoint(leader.node), ...endpoints],
      ]);
    talks.push({ name: `${leader.node} (etcd)`, talk: mover });
    await Promise.all(talks.map(({ talk }) => talk.receive(answerMs)));
    return await pausedMove(talks.slice(0, -1), mover, onMoved);
  } finally {
    await Promise.all(talks.map(({ talk }) => talk.close()));
  }
}

async function pausedMove(
  talks: readonly { name: string; talk: Conversation }[],
  mover: Conversation,
  onMoved: (under: Under) => void,
): Promise<Under> {
  const { armed, begun } = await pauseAll(talks);
  await sleep(settleMs);
  const move = { begun: Date.now(), ended: 0 };
  mover.send('move');
  const answer = await mover.receive(answerMs);
  move.ended = Date.now();
  const ended = Math.min(move.ended, armed + boundSeconds * 1000);
  const moved = answer.startsWith('moved');
  const settled = answer.endsWith(' settled');
  const under = { pauses: talks.map(({ name }) => ({ node: name, begun, ended })), move, settled };
  try {
    await tellAll(talks, 'resume', 'resumed');
  } finally {
    if (moved) onMoved(under);
  }
  if (!moved) throw new Error(`etcd: expected word of the moved leadership, found ${answer}`);
  return under;
}

/**
 * Pauses all masters, so that most of the bound is left. `armed`: no timer fires sooner than its time after it.
 * @throws Error when they stay too busy for that; then none is paused
 */
async function pauseAll(
  talks: readonly { name: string; talk: Conversation }[],
): Promise<{ armed: number; begun: number }> {
  for (let tries = 1; ; tries += 1) {
    const armed = Date.now();
    await tellAll(talks, 'arm', 'armed');
    await tellAll(talks, 'pause', 'paused');
    const begun = Date.now();
    const isLast = tries === pauseTries;
    if (begun - armed <= (isLast ? latestAtLastMs : latestMs)) return { armed, begun };
    await tellAll(talks, 'resume', 'resumed');
    if (isLast)
      throw new Error(
        `etcd: the masters took ${begun - armed} ms to pause, expected ${latestAtLastMs} at most; wait until they are less busy, then run the same command again`,
      );
    await sleep(betweenTriesMs);
  }
}

async function tellAll(
  talks: readonly { name: string; talk: Conversation }[],
  word: string,
  expected: string,
): Promise<void> {
  for (const { talk } of talks) talk.send(word);
  await Promise.all(
    talks.map(async ({ name, talk }) => {
      const answer = await talk.receive(answerMs);
      if (!answer.startsWith(expected))
        throw new Error(`node ${name}: expected it to be ${expected}, found ${answer}`);
    }),
  );
}
