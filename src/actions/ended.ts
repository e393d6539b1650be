import { StateFolder } from '../adapters/fs/state-folder.js';
import { keptRotations, openAmong } from './adopt.js';
import { NoWayError } from './errors.js';
import type { OpenCluster } from './open-cluster.js';

/**
 * What lies in the folder here is not all: it may be a copy from before, or another machine's. The masters are asked too.
 * @param why what a rotation that has not ended needs
 * @throws NoWayError when one has not
 */
export async function demandEnded(
  cluster: Pick<OpenCluster, 'unfinished' | 'root' | 'nodes' | 'shell' | 'emit'>,
  why: string,
): Promise<void> {
  const { unfinished, root } = cluster;
  if (unfinished)
    throw new NoWayError(
      `${unfinished.path}: this rotation has not ended with its proof, and ${why}; end it with keyroll resume or keyroll rollback`,
    );
  const open = openAmong(await keptRotations(cluster), StateFolder.ended(root));
  if (open)
    throw new NoWayError(
      `node ${open.node}: keeps rotation ${open.rotation}, which has not ended with its proof, and ${why}; ${root} does not know it: run this where its folder lies, or rebuild that with keyroll adopt and end it`,
    );
}
