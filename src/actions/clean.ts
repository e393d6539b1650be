import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import pMap from 'p-map';
import { StateFolder } from '../adapters/fs/state-folder.js';
import { byOs, masters, type ClusterNode } from '../model/cluster.js';
import { backupFolder } from './artifacts.js';
import { demandEnded } from './ended.js';
import { DeclinedError } from './errors.js';
import { withCluster, type CommandInput, type OpenCluster } from './open-cluster.js';

/**
 * Removes what rotations that have ended left: on nodes backups, kept keys and snapshots, on this machine their keys,
 * those of rotations that never began, and `_rotate_certs_backup`. Journals stay. May be called again.
 * @throws NoWayError while a rotation has not ended with its proof: what lies there is the way forward and back
 */
export function clean(input: CommandInput, consent: () => Promise<boolean>): Promise<void> {
  return withCluster('clean', input, async (cluster) => {
    await demandEnded(cluster, 'what it keeps is the way forward and back');
    if (!(await consent())) throw new DeclinedError('nothing was removed');
    const { nodes, emit } = cluster;
    const tell = (text: string): void => emit({ code: 'note', text });
    const { nodes: linux, windows } = byOs(nodes);
    // A master refuses while something is half done on it; then the agents keep what they have.
    await cleanNodes(cluster, masters(linux), tell);
    await cleanNodes(
      cluster,
      linux.filter(({ role }) => role === 'agent'),
      tell,
    );
    for (const { name } of windows)
      tell(`node ${name}: c:\\k\\keyroll-backup holds the replaced files of each rotation; remove it there`);
    await cleanHere(cluster, tell);
  });
}

/**
 * What lies on this machine. A rotation that has begun and not ended keeps all it has; one that is still making its keys
 * holds the folder's lock, which whoever calls this must have.
 */
export async function cleanHere(
  { root, model }: Pick<OpenCluster, 'root' | 'model'>,
  tell: (text: string) => void,
): Promise<void> {
  for (const state of [...StateFolder.finished(root), ...StateFolder.abandoned(root)]) {
    state.removeSecrets();
    tell(`removed the keys of rotation ${state.rotation} from ${state.path}`);
  }
  const backup = join(dirname(model.file), backupFolder);
  if (!existsSync(backup)) return;
  await rm(backup, { recursive: true });
  tell(`removed ${backup}`);
}

async function cleanNodes(
  { shell }: OpenCluster,
  nodes: readonly ClusterNode[],
  tell: (text: string) => void,
): Promise<void> {
  await pMap(
    nodes,
    async ({ name }) => {
      const { stdout } = await shell(name).run('clean');
      for (const path of stdout.split('\n').filter(Boolean)) tell(`node ${name}: removed ${path}`);
    },
    { concurrency: 8 },
  );
}
