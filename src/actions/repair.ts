import { setTimeout as sleep } from 'node:timers/promises';
import { StateFolder } from '../adapters/fs/state-folder.js';
import { inspectNodes } from '../inventory/inspect.js';
import { observeBarrier } from '../inventory/observe-barrier.js';
import { mintForNode } from '../mint/mint.js';
import type { ClusterNode } from '../model/cluster.js';
import { Materials } from '../model/materials.js';
import { stepsOf, type Step } from '../model/plan.js';
import { refreshBarrier } from '../plan/barriers.js';
import { fileOf, type Facts } from '../plan/facts.js';
import { refreshNode } from '../plan/refresh.js';
import { fileLines } from '../steps/file-lines.js';
import { readyAnew } from '../steps/node-ready.js';
import { keptRotations } from './adopt.js';
import { BarrierError, NoWayError } from './errors.js';
import { withCluster, type CommandInput, type OpenCluster } from './open-cluster.js';
import { restartNodePods } from './phase.js';
import { apiServes, messageOf, modelIdentity } from './reach.js';

const barrierSeconds = 60;

/**
 * Brings in a node that a finished rotation left out: its files become those of the rotation, its kubelet gets a serving
 * pair of its own, the only thing that is minted, restarts and asks for a client certificate. Over SSH; the API is asked
 * only where it answers. Returns whether there was anything to do.
 * @throws NoWayError while a rotation has not ended, or when the node is unknown, a master, or runs Windows
 */
export function repair(input: CommandInput, name: string): Promise<boolean> {
  return withCluster('repair', input, async (cluster) => {
    const node = nodeNamed(cluster, name);
    const source = await sourceOf(cluster);
    cluster.emit({ code: 'note', text: `node ${name}: is brought in from ${source.where}` });
    const seen = await look(cluster, node, source.rotation);
    const materials = await materialsFor(seen, node, source, input.options.validity);
    const facts = materials.has('old-ca.crt') ? seen : { ...seen, sameAuthority: true };
    if ((await deviations(cluster, facts, materials)).length === 0) {
      cluster.emit({
        code: 'note',
        text: `node ${name}: shows the new certificates already; nothing was changed`,
      });
      return false;
    }
    await refresh(cluster, facts, node, materials);
    source.state?.journal.append('fact', `repaired/${name}`);
    cluster.emit({
      code: 'note',
      text: `node ${name}: has the new certificates, and its kubelet shows them`,
    });
    return true;
  });
}

function nodeNamed({ nodes, unfinished }: OpenCluster, name: string): ClusterNode {
  if (unfinished)
    throw new NoWayError(
      `${unfinished.path}: this rotation has not ended; end it with keyroll resume or keyroll rollback, then repair the node`,
    );
  const node = nodes.find((candidate) => candidate.name === name);
  if (!node)
    throw new NoWayError(
      `node ${name}: is none of the cluster's nodes; there are ${nodes.map((one) => one.name).join(', ')}`,
    );
  if (node.role === 'master')
    throw new NoWayError(
      `node ${name}: is a master, which no rotation leaves out; rotate with keyroll rotate-certs`,
    );
  if (node.os === 'windows')
    throw new NoWayError(
      `node ${name}: runs Windows, which this version cannot bring in later; replace the node, or rotate with keyroll rotate-certs`,
    );
  return node;
}

/** Where the set of the last rotation that ended is kept. */
interface Source {
  readonly where: string;
  readonly rotation: string;
  readonly texts: ReadonlyMap<string, string>;
  /** The folder that keeps what is minted here; none where the rotation's folder is lost or cleaned. */
  readonly state?: StateFolder;
}

/** The rotation's own folder, else what a master keeps, else the API model, which holds the new set since its end. */
async function sourceOf(cluster: OpenCluster): Promise<Source> {
  const state = StateFolder.finished(cluster.root).at(-1);
  const texts = state?.readMaterials() ?? new Map<string, string>();
  const { certificateProfile: model } = cluster.model;
  const isCurrent = (ca = ''): boolean => ca.trim() === model.caCertificate.trim();
  if (state && isCurrent(texts.get('ca.crt')))
    return { where: state.path, rotation: state.rotation, texts, state };
  for (const kept of await keptRotations(cluster)) {
    const found = StateFolder.materialsOf(kept.archive);
    if (isCurrent(found.get('ca.crt')))
      return { where: `what node ${kept.node} keeps`, rotation: kept.rotation, texts: found };
  }
  return {
    where: cluster.model.file,
    rotation: 'repair',
    texts: new Map([
      ['ca.crt', model.caCertificate],
      ['client.crt', model.clientCertificate],
      ['client.key', model.clientPrivateKey],
    ]),
  };
}

async function look(cluster: OpenCluster, node: ClusterNode, rotation: string): Promise<Facts> {
  const { layout, model, shell } = cluster;
  const inventories = await inspectNodes([node], layout, model.adminUsername, shell);
  return {
    ...{ rotation, layout, inventories, nodes: [node], leaveBridge: false },
    adminUsername: model.adminUsername,
  };
}

/** With the node's serving pair: minted once, and kept where the rotation's keys are. */
async function materialsFor(
  facts: Facts,
  node: ClusterNode,
  { texts, state }: Source,
  validity: number | undefined,
): Promise<Materials> {
  const all = new Map(texts);
  const { content } = fileOf(facts, node.name, facts.layout.ca);
  // What the node trusts is what it must name no more; a run that was cut off may have replaced it already.
  if (!all.has('old-ca.crt') && content.trim() !== all.get('ca.crt')?.trim()) all.set('old-ca.crt', content);
  if (!all.has(`kubeletserver@${node.name}.key`)) {
    const minted = await mintForNode(facts, [node], new Date(), validity);
    state?.writeMaterials(minted);
    for (const [name, text] of minted) all.set(name, text);
  }
  return new Materials(all);
}

async function refresh(
  cluster: OpenCluster,
  facts: Facts,
  node: ClusterNode,
  materials: Materials,
): Promise<void> {
  const { layout, stop } = cluster;
  stop.check();
  const shell = cluster.shell(node.name);
  const since = Number((await shell.run('clock')).stdout.trim());
  cluster.emit({ code: 'doing', text: `${node.name}: new trust, kubelet restarts with new certificates` });
  await shell.run('refresh-kubelet', [facts.rotation, 'new', layout.ca, ...layout.kubeletWatchdogs], {
    stdin: fileLines(filesOf(facts, node), materials),
    timeoutMs: 300_000,
  });
  await holdBarrier(cluster, facts, materials);
  await shell.run('boot-unit', ['off']);
  await readyInApi(cluster, node, since);
}

function filesOf(facts: Facts, node: ClusterNode): Extract<Step, { kind: 'refresh-node' }>['files'] {
  return stepsOf(refreshNode(facts, node).restart).flatMap((step) =>
    step.kind === 'refresh-node' ? step.files : [],
  );
}

async function deviations(
  { shell }: OpenCluster,
  facts: Facts,
  materials: Materials,
): Promise<readonly string[]> {
  return (await observeBarrier(refreshBarrier(facts), materials, shell)).deviations;
}

/** @throws BarrierError with what the node does not show */
async function holdBarrier(cluster: OpenCluster, facts: Facts, materials: Materials): Promise<void> {
  const until = Date.now() + barrierSeconds * 1000;
  for (;;) {
    const missing = await deviations(cluster, facts, materials);
    if (missing.length === 0) return;
    if (Date.now() >= until) throw new BarrierError('refresh', missing, barrierSeconds);
    cluster.stop.check();
    await sleep(1000);
  }
}

/** What only the API can tell: the node is Ready, and its pods that hold the node's files are started again. */
async function readyInApi(
  { reach, model, layout, emit }: OpenCluster,
  node: ClusterNode,
  since: number,
): Promise<void> {
  const kube = reach.kube(modelIdentity(model));
  try {
    if (!(await apiServes(kube))) {
      emit({
        code: 'note',
        text: `the API does not answer, so nobody can say whether ${node.name} is Ready`,
      });
      return;
    }
    await readyAnew({ kube: () => kube }, node.name, (heartbeat) => Date.parse(heartbeat) / 1000 >= since);
    await restartNodePods(kube, layout, [node]);
  } catch (error) {
    throw new Error(`node ${node.name}: has its new certificates, but: ${messageOf(error)}`, {
      cause: error,
    });
  } finally {
    await kube.close();
  }
}
