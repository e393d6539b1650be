import pMap from 'p-map';
import { inspectNodes } from '../inventory/inspect.js';
import { rankOf, standingOf, type Standing } from '../inventory/standing.js';
import { byOs, type ClusterNode } from '../model/cluster.js';
import type { Journal } from '../execute/journal.js';
import { phaseNames, type Barrier, type PhaseName } from '../model/plan.js';
import { unitName } from '../steps/remote-step.js';
import type { Session } from './session.js';

/** The journal's fact that some node was seen to accept the new side alone. */
export const distrustSeen = 'distrust/seen';

/**
 * What a rotation that is taken up shows: the journal's word first, then the nodes'. Units that still run on nodes are
 * waited for. Where the two differ, the nodes are right: phases that they have behind them count as ended, and what the
 * journal has as done on a node that shows less is done again.
 */
export async function takeStock(session: Session): Promise<void> {
  await tellStock(session);
  const standings = await lookAtNodes(session);
  session.emit({ code: 'note', text: `the nodes show: ${standingLine(standings)}` });
  if (session.state.journal.has('rollback', session.rotation)) return;
  // Where the CA stays, `ca.crt` tells nothing of a node's standing: the journal's word stands, and steps look themselves.
  if (session.facts().sameAuthority === true) return;
  endWhatNodesHaveBehindThem(session, standings);
  await reopenWhatNodesLack(session, standings);
}

/** The journal's word, and the end of units that still run on nodes. */
export async function tellStock(session: Session): Promise<void> {
  for (const line of journalLines(session)) session.emit({ code: 'note', text: line });
  await pMap(byOs(session.nodes).nodes, ({ name }) => awaitSteps(session, name), { concurrency: 8 });
}

/** A step that was begun and whose end nobody saw may still be at work in its unit. */
async function awaitSteps(session: Session, node: string): Promise<void> {
  const { stdout } = await session.shell(node).run('await-steps', [], { timeoutMs: 660_000 });
  for (const line of stdout.split('\n').filter(Boolean)) session.note(`node ${node}: ${line}`);
}

async function lookAtNodes(session: Session): Promise<Map<string, Standing>> {
  const { layout, model, materials } = session;
  const { nodes } = byOs(session.nodes);
  const seen = await inspectNodes(nodes, layout, model.adminUsername, session.shell);
  return new Map(
    nodes.flatMap((node) => {
      const inventory = seen.get(node.name);
      return inventory ? [[node.name, standingOf(node, inventory, materials, layout)] as const] : [];
    }),
  );
}

function journalLines(session: Session): string[] {
  const { journal, rotation } = session.state;
  const ids = (type: 'done' | 'intent'): Set<string> =>
    new Set(journal.records.filter((record) => record.type === type).map(({ id }) => id));
  const done = ids('done');
  const open = [...ids('intent')].filter((id) => !done.has(id));
  const ended = journal.records.filter(({ type }) => type === 'phase').map(({ id }) => id);
  const back = journal.has('rollback', rotation) ? ', and is on its way back' : '';
  return [
    `rotation ${rotation} was begun at ${session.startedAt}${back}; ended phases: ${ended.join(', ') || 'none'}; ${done.size} steps are done`,
    ...open.map((id) => `${id} was begun, and its end is not in the journal: it is looked at again`),
  ];
}

function standingLine(standings: ReadonlyMap<string, Standing>): string {
  const words: Record<Standing, string> = {
    start: 'as at the start',
    between: 'between two manifests',
    back: 'on the way back',
    ...{ trust: 'trust', present: 'present', refresh: 'refresh', distrust: 'distrust' },
  };
  const names = (standing: Standing): string[] =>
    [...standings].filter(([, shown]) => shown === standing).map(([name]) => name);
  return [...new Set(standings.values())]
    .map((standing) => `${words[standing]}: ${names(standing).join(', ')}`)
    .join('; ');
}

/** A phase has ended where some node shows the work of a later one: none begins before the barrier of the one before. */
function endWhatNodesHaveBehindThem(session: Session, standings: ReadonlyMap<string, Standing>): void {
  const { journal } = session.state;
  const farthest = Math.max(0, ...[...standings.values()].map(rankOf));
  for (const [index, phase] of phaseNames.entries()) {
    if (index + 1 >= farthest || journal.has('phase', phase)) continue;
    session.note(`the journal does not say that ${phase} has ended, but nodes show what comes after it`);
    journal.append('phase', phase, { ms: 0, observations: [] });
  }
  // A journal that was rebuilt from a master knows nothing of it, and it closes the way back.
  if (farthest === rankOf('distrust')) journal.remember(distrustSeen, true);
}

/**
 * What a node lacks of phases that have ended is done on it again, and so is all that came after it there; the barrier of
 * such a phase then looks at that node alone, since the others have gone on.
 */
async function reopenWhatNodesLack(
  session: Session,
  standings: ReadonlyMap<string, Standing>,
): Promise<void> {
  const { journal, rotation } = session.state;
  const ended = phaseNames.filter((phase) => journal.has('phase', phase));
  const lacking = byOs(session.nodes).nodes.flatMap((node) => {
    const missing = ended.filter((phase) => lacks(node, standings.get(node.name) ?? 'start', phase));
    const [first] = missing;
    return first ? [{ node, missing, after: phaseNames.slice(phaseNames.indexOf(first)) }] : [];
  });
  for (const { node, missing, after } of lacking) {
    session.note(
      `node ${node.name}: shows less than the journal says (${missing.join(', ')}); its steps are done again`,
    );
    const ids = stepsOn(session, node, after);
    // Else a unit that ended well once would be taken for done.
    await session.shell(node.name).run(
      'forget-steps',
      ids.map((id) => unitName(rotation, id)),
    );
    for (const id of ids) journal.append('reopened', id);
  }
  for (const phase of ended) {
    const nodes = lacking.filter(({ missing }) => missing.includes(phase)).map(({ node }) => node.name);
    if (nodes.length > 0) journal.append('reopened', phase, { nodes });
  }
}

/** The barrier of a phase: of one that had ended and was opened again for some nodes, what it expects of those. */
export function openPart(barrier: Barrier, journal: Journal): Barrier {
  const last = journal.records.findLast(
    ({ type, id }) => id === barrier.phase && (type === 'phase' || type === 'reopened'),
  );
  const { nodes } = (last?.type === 'reopened' ? (last.details ?? {}) : {}) as {
    nodes?: readonly string[];
  };
  if (nodes === undefined) return barrier;
  return { phase: barrier.phase, nodes: barrier.nodes.filter(({ node }) => nodes.includes(node)) };
}

function lacks(node: ClusterNode, standing: Standing, phase: PhaseName): boolean {
  if (node.role === 'agent') return phase === 'refresh' && standing === 'start';
  return rankOf(standing) < rankOf(phase);
}

function stepsOn({ state }: Session, node: ClusterNode, phases: readonly PhaseName[]): string[] {
  const ids = state.journal.records
    .filter(({ type, id }) => type === 'done' && id.endsWith(`/${node.name}`))
    .map(({ id }) => id)
    .filter((id) => phases.some((phase) => id.startsWith(`${phase}/`)));
  return [...new Set(ids)].filter((id) => state.journal.has('done', id));
}
