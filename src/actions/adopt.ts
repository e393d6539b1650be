import { StateFolder } from '../adapters/fs/state-folder.js';
import { masters } from '../model/cluster.js';
import { NoWayError } from './errors.js';
import { withCluster, type CommandInput, type OpenCluster } from './open-cluster.js';
import { messageOf } from './reach.js';

/**
 * Rebuilds the folder of a rotation that has begun, from what the masters keep of it since before the first change: keys,
 * beginning, and the journal as it was when its last phase ended. What came after that the next command reads from the
 * nodes themselves. Returns the rotation.
 * @throws NoWayError when the folder is there, or no master keeps a rotation that has not ended
 */
export function adopt(input: CommandInput): Promise<string> {
  return withCluster('adopt', input, async (cluster) => {
    if (cluster.unfinished)
      throw new NoWayError(
        `${cluster.unfinished.path}: the folder of the rotation is there; go on with keyroll resume`,
      );
    const found = openAmong(await keptRotations(cluster));
    if (!found) throw new NoWayError(nothingKept);
    const state = StateFolder.fromArchive(cluster.root, found.archive);
    if (state.rotation !== found.rotation)
      throw new Error(
        `node ${found.node}: what it keeps as rotation ${found.rotation} is ${state.rotation}; look who changed it, and adopt from another master with --leave-node ${found.node}`,
      );
    const text = `rotation ${state.rotation} is rebuilt in ${state.path} from node ${found.node}; go on with keyroll resume, or back with keyroll rollback`;
    cluster.emit({ code: 'note', text });
    return state.rotation;
  });
}

const nothingKept =
  'no master keeps a rotation that has begun and not ended: either none has changed anything yet (then begin with keyroll rotate-certs), or its keys were removed from the masters. Without the new keys there is only the way back: restore on each node what lies in /var/lib/keyroll/backup, masters one after another';

/** A rotation as a master keeps it. */
export interface Kept {
  readonly node: string;
  readonly rotation: string;
  readonly archive: Buffer;
  readonly ended: boolean;
}

/**
 * The latest of these rotations if it has not ended. One that has ended by one master's word has: a master that was away
 * keeps its journal as it was before. One that is older than an ended one was given up: its set leads nowhere any more.
 * @param endedHere rotations that have ended by the word of a folder here
 */
export function openAmong(kept: readonly Kept[], endedHere: readonly string[] = []): Kept | undefined {
  const ended = [...endedHere, ...kept.filter((each) => each.ended).map(({ rotation }) => rotation)];
  // Their names sort by time.
  return kept.find(({ rotation }) => ended.every((other) => other < rotation));
}

/** All rotations that masters keep, the latest first; of several masters the one whose journal went on the longest. */
export async function keptRotations({
  nodes,
  shell,
  emit,
}: Pick<OpenCluster, 'nodes' | 'shell' | 'emit'>): Promise<Kept[]> {
  const all: (Kept & { readonly records: number })[] = [];
  for (const { name } of masters(nodes)) {
    try {
      const { stdout } = await shell(name).run('keep-state', ['list']);
      for (const rotation of stdout
        .split('\n')
        .flatMap((line) => line.split(' ')[0] ?? [])
        .filter(Boolean)) {
        const { stdout: base64 } = await shell(name).run('keep-state', ['get', rotation]);
        const archive = Buffer.from(base64, 'base64');
        const journal = StateFolder.journalOf(archive);
        const ended = journal.includes('finished');
        all.push({ node: name, rotation, archive, ended, records: journal.length });
      }
    } catch (error) {
      emit({ code: 'note', text: `node ${name}: cannot say what it keeps (${messageOf(error)})` });
    }
  }
  return all.sort((a, b) => b.rotation.localeCompare(a.rotation) || b.records - a.records);
}
