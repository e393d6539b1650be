import { mkdir, readFile, rm, stat } from 'node:fs/promises';
import { attempt, run } from '../host/command.js';
import { waitUntil } from '../host/wait.js';
import type { LabNode } from '../plan.js';
import type { NodeFolders } from './folders.js';

/** Whether something is mounted exactly there. */
export async function isMounted(path: string): Promise<boolean> {
  const mounts = await readFile('/proc/self/mounts', 'utf8');
  return mounts.split('\n').some((line) => line.split(' ')[1] === path);
}

/** Lays a node's own files over the shared root file system. Repeatable. */
export async function mountRoot(rootfs: string, folders: NodeFolders): Promise<void> {
  for (const folder of [folders.upper, folders.work, folders.root]) await mkdir(folder, { recursive: true });
  if (await isMounted(folders.root)) return;
  const layers = `lowerdir=${rootfs},upperdir=${folders.upper},workdir=${folders.work}`;
  await run(['mount', '-t', 'overlay', 'overlay', '-o', layers, folders.root]);
}

/** Room for every node's own files and etcd's members, and for copies of them; about 100 MB a master are used. */
const memoryOptions = 'size=4g,mode=0700';

/** Makes a folder whose files are kept in memory: until `down`, or until this machine ends. Repeatable. */
export async function mountMemory(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  if (await isMounted(folder)) return;
  await run(['mount', '-t', 'tmpfs', '-o', memoryOptions, 'tmpfs', folder]);
}

/** Takes a file system of the lab away; whoever uses it must have ended. Repeatable. */
export async function unmount(path: string): Promise<void> {
  // The kernel lets go of a dead node's files a little after its last process.
  await waitUntil({ what: `${path} unmounted`, seconds: 15, everyMs: 100 }, async () => {
    if (!(await isMounted(path))) return true;
    await attempt(['umount', path]);
    return !(await isMounted(path));
  });
}

/** Mount points below a folder, deepest first. */
export async function mountedBelow(folder: string): Promise<string[]> {
  const mounts = (await readFile('/proc/self/mounts', 'utf8'))
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '');
  return mounts.filter((path) => path.startsWith(`${folder}/`)).sort((a, b) => b.length - a.length);
}

/** Removes what systemd-nspawn keeps in /run for a node that was killed; the node's root must still be mounted. */
export async function forgetMachine(
  node: Pick<LabNode, 'name'>,
  folders: Pick<NodeFolders, 'root'>,
): Promise<void> {
  const kept = '/run/systemd/nspawn';
  await rm(`${kept}/propagate/${node.name}`, { recursive: true, force: true });
  if (!(await isMounted(folders.root))) return;
  const { dev, ino } = await stat(folders.root);
  await rm(`${kept}/locks/inode-${dev}:${ino}`, { force: true });
}
