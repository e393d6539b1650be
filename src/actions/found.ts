import pMap from 'p-map';
import { inspectNodes } from '../inventory/inspect.js';
import { rankOf, standingOf, type Standing } from '../inventory/standing.js';
import { byOs, type ClusterNode } from '../model/cluster.js';
import { phaseNames, type PhaseName } from '../model/plan.js';
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
  endWhatNodesHaveBehindThem(session, standings);
  reopenWhatNodesLack(session, standings);
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

function reopenWhatNodesLack(session: Session, standings: ReadonlyMap<string, Standing>): void {
  const { journal } = session.state;
  const ended = phaseNames.filter((phase) => journal.has('phase', phase));
  for (const node of byOs(session.nodes).nodes) {
    const missing = ended.filter((phase) => lacks(node, standings.get(node.name) ?? 'start', phase));
    const [first] = missing;
    if (!first) continue;
    session.note(
      `node ${node.name}: shows less than the journal says (${missing.join(', ')}); its steps are done again`,
    );
    for (const id of stepsOn(session, node, phaseNames.slice(0, phaseNames.indexOf(first) + 1)))
      journal.append('reopened', id);
    for (const phase of phaseNames.slice(0, phaseNames.indexOf(first)).concat(missing))
      if (journal.has('phase', phase)) journal.append('reopened', phase);
  }
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
