import type { ManifestSwap, PlannedFile, Step } from '../../../src/model/plan.js';
import type { Side, World, WorldNode } from './world.js';

/** One change that is whole or not there. */
export type Effect = () => void;

/** What a step does, change by change. `unit`: once the first was made the node makes the others without keyroll. */
export interface Effects {
  readonly node: string | undefined;
  readonly before: readonly Effect[];
  readonly unit: readonly Effect[];
}

const nothing: Effects = { node: undefined, before: [], unit: [] };

/** How each kind of step changes the world; what keyroll only waits for is demanded. */
export function effectsOf(world: World, step: Step): Effects {
  switch (step.kind) {
    case 'install-files':
      return onNode(world, step.node, (node) => ({ before: byFolder(world, node, step.files), unit: [] }));
    case 'restart-apiserver':
      return onNode(world, step.node, (node) => ({
        before: byFolder(world, node, step.before),
        unit: apiRestart(world, node, step.swap, step.files, step.etcd),
      }));
    case 'swap-pod':
      return onNode(world, step.node, (node) => ({
        before: [],
        unit: podSwap(world, node, step.swap, step.files),
      }));
    case 'refresh-node':
      return onNode(world, step.node, (node) => ({
        before: [...byFolder(world, node, step.files), () => restartKubelet(world, node, step.side)],
        unit: [],
      }));
    case 'remove-files':
      return onNode(world, step.node, (node) => ({
        before: step.folders.map((folder) => () => {
          for (const path of node.disk.keys()) if (path.startsWith(`${folder}/`)) node.disk.delete(path);
        }),
        unit: [],
      }));
    case 'restart-workloads':
      return { ...nothing, before: [...world.nodes.values()].map((node) => () => restartPod(world, node)) };
    case 'write-kubeconfig':
      return { ...nothing, before: [() => void (world.newAdmin = true)] };
    case 'remove-kubeconfig':
      return { ...nothing, before: [() => void (world.newAdmin = false)] };
    case 'put-proxy-certs':
      return { ...nothing, before: [() => void (world.proxyCerts = step.key)] };
    case 'await-root-ca':
      return {
        ...nothing,
        before: [() => demand(world.materials.get(step.authority) === rootCa(world), step)],
      };
    default:
      return nothing;
  }
}

function rootCa(world: World): string {
  return world.materials.get(world.rootCa === 'new' ? 'ca.crt' : 'old-ca.crt');
}

function demand(holds: boolean, { id }: Step): void {
  if (!holds) throw new Error(`${id}: what it waits for would never come`);
}

function onNode(
  world: World,
  name: string,
  make: (node: WorldNode) => Pick<Effects, 'before' | 'unit'>,
): Effects {
  return { node: name, ...make(world.node(name)) };
}

/** install-files.sh: all files of a folder get their names by one command. */
function byFolder(world: World, node: WorldNode, files: readonly PlannedFile[]): Effect[] {
  const folderOf = ({ path }: PlannedFile): string => path.slice(0, path.lastIndexOf('/'));
  return [...new Set(files.map(folderOf))].map(
    (folder) => () =>
      world.put(
        node,
        files.filter((file) => folderOf(file) === folder),
      ),
  );
}

interface Swapping {
  readonly leave: Effect;
  readonly come: Effect;
}

/** manifests.sh: what has begun to leave is completed at boot. */
function swapping(
  world: World,
  node: WorldNode,
  swap: ManifestSwap,
  files: readonly PlannedFile[],
): Swapping {
  const path = (name: string): string => `${world.facts.layout.manifests}/${name}`;
  const complete = (): void => {
    world.put(node, files);
    for (const name of swap.old) node.disk.delete(path(name));
    node.disk.set(path(swap.new), swap.text);
  };
  return {
    leave: () => {
      node.pending = complete;
      for (const name of [...swap.old, swap.new]) node.disk.delete(path(name));
    },
    come: () => {
      complete();
      node.pending = undefined;
    },
  };
}

function apiRestart(
  world: World,
  node: WorldNode,
  swap: ManifestSwap,
  files: readonly PlannedFile[],
  etcd: boolean,
): Effect[] {
  const { leave, come } = swapping(world, node, swap, files);
  // restart-apiserver.sh looks first: the manifest and the process are as wanted already.
  if (!etcd && isThere(world, node, swap)) return byFolder(world, node, files);
  return [
    () => void (node.api = undefined),
    leave,
    ...byFolder(world, node, files),
    ...(etcd ? [() => world.startEtcd(node)] : []),
    come,
    () => world.startApi(node),
  ];
}

function isThere(world: World, node: WorldNode, swap: ManifestSwap): boolean {
  const path = (name: string): string => `${world.facts.layout.manifests}/${name}`;
  return (
    node.disk.get(path(swap.new)) === swap.text &&
    swap.old.every((name) => !node.disk.has(path(name))) &&
    node.api !== undefined &&
    swap.arguments.every((argument) => node.api?.arguments.includes(argument))
  );
}

function podSwap(world: World, node: WorldNode, swap: ManifestSwap, files: readonly PlannedFile[]): Effect[] {
  const { leave, come } = swapping(world, node, swap, files);
  return [
    leave,
    () => void (node.manager = undefined),
    ...byFolder(world, node, files),
    come,
    () => world.startManager(node),
  ];
}

/** The kubelet reads its trust, has a client certificate of this side signed, and renews the tokens of its pods. */
function restartKubelet(world: World, node: WorldNode, side: Side): void {
  const signer = world.masters.find(({ name }) => name === world.facts.controllerManagerLeader)?.manager
    ?.signs;
  if (signer !== side) throw new Error(`${node.name}: kubelet would get no certificate of the ${side} side`);
  node.kubelet = { trust: world.trustOf(node, world.facts.layout.ca), certificate: side };
  node.pod.token = freshToken(world);
}

/** A pod that starts gets the CA of its namespace and a token of whoever signs now. */
export function restartPod(world: World, node: WorldNode): void {
  node.pod = { trust: new Set([world.rootCa]), token: freshToken(world) };
}

function freshToken({ masters }: World): Side {
  // While they differ, chance decides: the side that goes is the worse one, and a pod may always get that.
  const signing = masters.flatMap(({ api }) => api?.signs ?? []);
  return signing.includes('new') ? 'new' : 'old';
}
