import { StateFolder } from '../adapters/fs/state-folder.js';
import type { NodeShell } from '../adapters/ssh/types.js';
import type { StopRequest } from '../execute/stop.js';
import { withApiPort, type Layout } from '../layouts/layout.js';
import { readApiModel, type ApiModel } from '../model/apimodel.js';
import type { ClusterNode } from '../model/cluster.js';
import type { Emit } from '../report/events.js';
import { withLocks, type RunControl } from './locks.js';
import type { RotateOptions } from './options.js';
import { listNodes, modelIdentity, reachCluster, stateRoot, type Reach } from './reach.js';
import { mastersShells } from './take-up.js';

/** A cluster that is reached and locked, for what is no rotation. */
export interface OpenCluster extends RunControl {
  readonly options: RotateOptions;
  readonly model: ApiModel;
  readonly layout: Layout;
  readonly reach: Reach;
  readonly nodes: readonly ClusterNode[];
  readonly shell: (node: string) => NodeShell;
  /** Folder of all rotations beside the API model. */
  readonly root: string;
  /** The rotation that has begun and not ended. */
  readonly unfinished: StateFolder | undefined;
}

/** What a command is given by whoever starts it. */
export interface CommandInput {
  readonly options: RotateOptions;
  readonly layout: Layout;
  readonly emit: Emit;
  readonly stop: StopRequest;
}

/**
 * Locks folder and cluster, does something with it, and lets go of all.
 * @throws LockedError when another run works on this cluster
 */
export function withCluster<T>(
  command: string,
  { options, layout: base, emit, stop }: CommandInput,
  work: (cluster: OpenCluster) => Promise<T>,
): Promise<T> {
  const root = stateRoot(options.apiModel);
  return withLocks(root, command, { emit, stop }, async (control) => {
    // Nothing is made from what it holds, and a cluster that has expired is adopted too.
    const model = await readApiModel(options.apiModel, { location: options.location, expiredToo: true });
    const layout = withApiPort(base, model.apiPort);
    const unfinished = StateFolder.unfinished(root);
    emit({ code: 'doing', text: `reaching the cluster through ${options.sshHost}` });
    const reach = await reachCluster(options, model, layout, []);
    try {
      const kube = reach.kube(modelIdentity(model));
      const list = await listNodes(reach, kube, model, layout, emit);
      await kube.close();
      const nodes = list.nodes.filter(({ name }) => !options.leaveNodes.includes(name));
      await control.locks.takeCluster(mastersShells(reach, nodes), (text) => emit({ code: 'note', text }));
      const shell = (name: string): NodeShell => {
        const node = nodes.find((candidate) => candidate.name === name);
        if (!node) throw new Error(`node ${name}: is not in the list of nodes`);
        return reach.shell(node);
      };
      return await work({ ...control, options, model, layout, reach, nodes, shell, root, unfinished });
    } finally {
      await control.locks.release();
      await reach.fleet.close();
    }
  });
}
