import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import pMap from 'p-map';
import { StateFolder } from '../adapters/fs/state-folder.js';
import { byOs } from '../model/cluster.js';
import { backupFolder } from './artifacts.js';
import { DeclinedError, NoWayError } from './errors.js';
import { withCluster, type CommandInput } from './open-cluster.js';

/**
 * Removes what rotations that have ended left: on nodes backups, kept keys and snapshots, on this machine their keys and
 * `_rotate_certs_backup`. Journals stay. May be called again.
 * @throws NoWayError while a rotation has not ended with its proof: what lies there is the way forward and back
 */
export function clean(input: CommandInput, consent: () => Promise<boolean>): Promise<void> {
  return withCluster('clean', input, async ({ unfinished, nodes, shell, emit, root, model }) => {
    if (unfinished)
      throw new NoWayError(
        `${unfinished.path}: this rotation has not ended with its proof, and what it keeps is the way forward and back; end it with keyroll resume or keyroll rollback`,
      );
    if (!(await consent())) throw new DeclinedError('nothing was removed');
    const tell = (text: string): void => emit({ code: 'note', text });
    await pMap(
      byOs(nodes).nodes,
      async ({ name }) => {
        const { stdout } = await shell(name).run('clean');
        for (const path of stdout.split('\n').filter(Boolean)) tell(`node ${name}: removed ${path}`);
      },
      { concurrency: 8 },
    );
    for (const state of StateFolder.finished(root)) {
      state.removeSecrets();
      tell(`removed the keys of rotation ${state.rotation} from ${state.path}`);
    }
    const backup = join(dirname(model.file), backupFolder);
    if (!existsSync(backup)) return;
    await rm(backup, { recursive: true });
    tell(`removed ${backup}`);
  });
}
