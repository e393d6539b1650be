import pMap from 'p-map';
import { namesCa, parseHandshakes } from '../inventory/handshake.js';
import { inspectNodes } from '../inventory/inspect.js';
import { masters, type ClusterNode } from '../model/cluster.js';
import type { NodeInventory } from '../model/inventory.js';
import { credentialsOn, manifestPath, type Back, type Facts, type MasterStanding } from '../plan/facts.js';
import { apiServerOriginal, controllerManagerOriginal, manifestNames } from '../plan/swaps.js';
import type { Session } from './session.js';

/** Clocks of masters and of this machine differ by a minute at most; twice that is early enough. */
const clockPatienceMs = 120_000;

/** How far a rotation had come at most; kept in the journal with the beginning of the way back. */
export type Reached = Omit<Back, 'masters'>;

/** By the journal, where a step that was begun counts, and by what the masters show. */
export async function reached(session: Session): Promise<Reached> {
  const { records } = session.state.journal;
  const known = records.find(({ type }) => type === 'rollback')?.details as Reached | undefined;
  if (known) return known;
  const begun = (prefix: string): boolean =>
    records.some(({ type, id }) => type === 'intent' && id.startsWith(prefix));
  const first = records.find(({ id }) => id.startsWith('present/controller-manager/'))?.at;
  const since = first === undefined ? {} : { since: earlier(first) };
  const shown = await masterStandings(session);
  const shows = (suffix: string, manifest: string): boolean =>
    [...shown.values()].some(({ manifests }) => manifests.includes(manifest.replace(/\.yaml$/, suffix)));
  const { apiServer, controllerManager } = session.layout;
  const handedOut =
    begun('present/controller-manager/') || shows('-present.yaml', controllerManager.manifest);
  const signed = handedOut || begun('present/apiserver/') || shows('-present.yaml', apiServer.manifest);
  return { leaves: signed || begun('present/'), signed, handedOut, ...since };
}

function earlier(iso: string): string {
  return new Date(Date.parse(iso) - clockPatienceMs).toISOString();
}

/** What the way back is planned from, as it is now. */
export async function lookBack(session: Session): Promise<Back> {
  return { ...(await reached(session)), masters: await masterStandings(session) };
}

type Seen = MasterStanding & { readonly manifests: readonly string[] };

async function masterStandings(session: Session): Promise<Map<string, Seen>> {
  const all = masters(session.nodes);
  const { layout, model, shell } = session;
  const inventories = await inspectNodes(all, layout, model.adminUsername, shell);
  const facts = session.facts();
  const standings = await pMap(all, async (node) => {
    const inventory = inventories.get(node.name);
    if (!inventory) throw new Error(`node ${node.name}: was not inspected`);
    const etcdAsBefore = await etcdNamesOldAlone(session, node);
    return [node.name, { ...standing(facts, node, inventory), etcdAsBefore }] as const;
  });
  return new Map(standings);
}

function standing(facts: Facts, node: ClusterNode, now: NodeInventory): Omit<Seen, 'etcdAsBefore'> {
  const { layout } = facts;
  const serving = credentialsOn(facts, node).find(({ name }) => name === 'apiserver')?.certificate ?? '';
  const files = [layout.frontProxyCa, serving].every((path) => isAsBefore(facts, now, path));
  const [apiServer, controllerManager] = [layout.apiServer, layout.controllerManager];
  const manifests = [apiServer, controllerManager]
    .flatMap(({ manifest }) => manifestNames(manifest))
    .filter((name) => now.files.has(manifestPath(facts, name)));
  const podAsBefore = (manifest: string, program: string, wanted: readonly string[]): boolean =>
    manifestNames(manifest)
      .filter((name) => manifests.includes(name))
      .join() === manifest &&
    isAsBefore(facts, now, manifestPath(facts, manifest)) &&
    runsWith(now, program, wanted, layout.own);
  return {
    manifests,
    apiServerAsBefore:
      files && podAsBefore(apiServer.manifest, apiServer.program, apiServerOriginal(facts, node).arguments),
    controllerManagerAsBefore: podAsBefore(
      controllerManager.manifest,
      controllerManager.program,
      controllerManagerOriginal(facts, node).arguments,
    ),
  };
}

function isAsBefore({ inventories }: Facts, now: NodeInventory, path: string): boolean {
  return inventories.get(now.node)?.files.get(path)?.content === now.files.get(path)?.content;
}

/** One process, with these arguments and none that points into keyroll's folder. */
function runsWith(now: NodeInventory, program: string, wanted: readonly string[], own: string): boolean {
  const running = now.processes.filter((process) => process.program === program);
  const [only] = running;
  return (
    running.length === 1 &&
    wanted.every((argument) => only?.arguments.includes(argument)) &&
    !only?.arguments.some((argument) => argument.includes(`${own}/`))
  );
}

async function etcdNamesOldAlone(session: Session, node: ClusterNode): Promise<boolean> {
  const { client, peer } = session.layout.etcdPorts;
  const targets = [`127.0.0.1:${client}`, `${node.address}:${peer}`];
  const shown = parseHandshakes((await session.shell(node.name).run('handshake', targets)).stdout);
  const [oldCa, newCa] = [session.materials.get('old-ca.crt'), session.materials.get('ca.crt')];
  return (
    shown.length === targets.length && shown.every((each) => namesCa(each, oldCa) && !namesCa(each, newCa))
  );
}
