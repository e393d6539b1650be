import { setTimeout as sleep } from 'node:timers/promises';
import type { Conversation } from '../adapters/ssh/types.js';
import { masters } from '../model/cluster.js';
import { members, type EtcdMember } from './etcd.js';
import type { StepContext, StepRunner } from './context.js';

/** Requests in flight end in this time (ms). */
const settleMs = 250;
/** The node ends a pause after this time (s) by itself. */
const boundSeconds = '3';
const answerMs = 2500;

/**
 * Moves etcd's leadership while no master takes in a request: reads and writes in flight fail when it moves (on every
 * master), held ones are sent again by TCP and only come late. Shells and timers are ready before the pause begins, so
 * that it stays under 0.9 s.
 */
export const moveLeader: StepRunner<'move-leader'> = async (step, context) => {
  const all = await members(context);
  const leader = all.find((member) => member.leader);
  if (!leader) throw new Error('etcd: found no leader; check its health, then run the same command again');
  if (!step.away.includes(leader.node)) return { moved: false, leader: leader.node };
  return moveTo(
    context,
    leader,
    all.find((member) => member.node === step.to),
  );
};

/** Where the leader is, once it is elsewhere than on a master that is about to restart. */
export interface Led {
  /** Name of the master whose member leads; undefined while members elect one. */
  readonly leader: string | undefined;
  /** Present when leadership had to move. */
  readonly leadership?: Moved;
}

/** Moves leadership away from a master that is about to restart, should its member lead. */
export async function leadElsewhere(context: StepContext, node: string): Promise<Led> {
  const all = await members(context);
  const leader = all.find((member) => member.leader);
  if (leader?.node !== node) return { leader: leader?.node };
  const leadership = await moveTo(
    context,
    leader,
    all.find((member) => member !== leader),
  );
  return { leader: leadership.to, leadership };
}

/** A move of leadership, with the pauses that it lay in. */
export interface Moved {
  readonly moved: true;
  readonly from: string;
  readonly to: string | undefined;
  readonly pauses: readonly Pause[];
  readonly move: { readonly begun: number; readonly ended: number };
}

async function moveTo(
  context: StepContext,
  leader: EtcdMember,
  target: EtcdMember | undefined,
): Promise<Moved> {
  if (!target)
    throw new Error(
      `etcd: found no member that could lead instead of ${leader.node}; check its health, then run the same command again`,
    );
  const result = await behindPause(context, leader, target);
  const now = (await members(context)).find((member) => member.leader);
  if (now?.node === leader.node)
    throw new Error(`etcd: leadership is still on ${leader.node}; run the same command again`);
  return { moved: true, from: leader.node, to: now?.node, ...result };
}

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
): Promise<{ pauses: Pause[]; move: { begun: number; ended: number } }> {
  const { layout } = context;
  const etcdClient = layout.credentials(1).find((spec) => spec.name === 'etcdclient');
  if (!etcdClient) throw new Error(`layout ${layout.name}: names no etcd client certificate`);
  const talks: { name: string; talk: Conversation }[] = [];
  try {
    for (const { name } of masters(context.nodes())) {
      talks.push({
        name,
        talk: await context.shell(name).converse('pause', [String(layout.apiPorts.port), boundSeconds]),
      });
    }
    const mover = await context
      .shell(leader.node)
      .converse('move-leader', [layout.ca, etcdClient.certificate, etcdClient.key, target.id]);
    talks.push({ name: `${leader.node} (etcd)`, talk: mover });
    await Promise.all(talks.map(({ talk }) => talk.receive(answerMs)));
    return await pausedMove(talks.slice(0, -1), mover);
  } finally {
    await Promise.all(talks.map(({ talk }) => talk.close()));
  }
}

async function pausedMove(
  talks: readonly { name: string; talk: Conversation }[],
  mover: Conversation,
): Promise<{ pauses: Pause[]; move: { begun: number; ended: number } }> {
  await tellAll(talks, 'arm', 'armed');
  await tellAll(talks, 'pause', 'paused');
  const begun = Date.now();
  await sleep(settleMs);
  const move = { begun: Date.now(), ended: 0 };
  mover.send('move');
  const answer = await mover.receive(answerMs);
  move.ended = Date.now();
  const ended = Date.now();
  await tellAll(talks, 'resume', 'resumed');
  if (!answer.startsWith('moved'))
    throw new Error(`etcd: expected word of the moved leadership, found ${answer}`);
  return { pauses: talks.map(({ name }) => ({ node: name, begun, ended })), move };
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
