import { chown, lchown, mkdir, open, readFile, rm, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { NodeFile, NodeLink } from '../files/file.js';

/** User and group ids by user name. */
export type Accounts = ReadonlyMap<string, { uid: number; gid: number }>;

/** The accounts in the text of a passwd file. */
export function parseAccounts(passwd: string): Accounts {
  const lines = passwd.split('\n').filter(Boolean);
  return new Map(
    lines.map((line) => {
      const [name = '', , uid, gid] = line.split(':');
      return [name, { uid: Number(uid), gid: Number(gid) }];
    }),
  );
}

export async function accountsIn(root: string): Promise<Accounts> {
  return parseAccounts(await readFile(join(root, 'etc/passwd'), 'utf8'));
}

/**
 * Puts a file into a node's root on the host, replacing what is there. It never has a wider mode or another owner
 * than it is to have. Folders that are missing belong to the file's owner below /home, else to root.
 */
export async function writeNodeFile(root: string, file: NodeFile, accounts: Accounts): Promise<void> {
  const owner = accounts.get(file.owner ?? 'root');
  if (owner === undefined) throw new Error(`${root}: has no user "${file.owner}" for ${file.path}`);
  const path = join(root, file.path);
  await makeFolders(dirname(path), file.path.startsWith('/home/') ? owner : { uid: 0, gid: 0 });
  await rm(path, { force: true });
  const handle = await open(path, 'wx', 0o600);
  try {
    await handle.chown(owner.uid, owner.gid);
    await handle.writeFile(file.content);
    await handle.chmod(file.mode ?? 0o644);
  } finally {
    await handle.close();
  }
}

export async function writeNodeLink(root: string, link: NodeLink): Promise<void> {
  const path = join(root, link.path);
  await mkdir(dirname(path), { recursive: true });
  await rm(path, { force: true });
  await symlink(link.target, path);
  await lchown(path, 0, 0);
}

async function makeFolders(folder: string, owner: { uid: number; gid: number }): Promise<void> {
  // The topmost folder that had to be made; everything below it is new as well.
  const first = await mkdir(folder, { recursive: true });
  if (first === undefined || owner.uid === 0) return;
  for (let each = folder; each.length >= first.length; each = dirname(each))
    await chown(each, owner.uid, owner.gid);
}
