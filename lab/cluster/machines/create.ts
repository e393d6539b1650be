import { appendFile, chmod, chown, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { certificateFiles } from '../files/certificates.js';
import { kubernetesFiles, type KubernetesInputs } from '../files/kubernetes.js';
import { systemFiles, systemLinks, type SystemInputs } from '../files/system.js';
import type { ClusterPki } from '../pki/cluster.js';
import { adminUser, type LabNode } from '../plan.js';
import { boundFolders, nodeFolders, type NodeFolders } from './folders.js';
import { mountRoot } from './mounts.js';
import { accountsIn, writeNodeFile, writeNodeLink } from './write.js';

/** All that nodes are made from. */
export interface NodeInputs {
  readonly rootfs: string;
  readonly pki: ClusterPki;
  readonly kubernetes: KubernetesInputs;
  readonly system: Omit<SystemInputs, 'hostKeys'>;
}

/** Makes one node's folders and files; its root file system stays mounted. The folders must not exist yet. */
export async function createNode(
  inputs: NodeInputs,
  node: LabNode,
  hostKeys: SystemInputs['hostKeys'],
): Promise<void> {
  const folders = nodeFolders(inputs.system.plan, node);
  for (const name of Object.keys(boundFolders))
    await mkdir(folders[name as keyof typeof boundFolders], { recursive: true });
  await chmod(folders.etcd, 0o700);
  await mountRoot(inputs.rootfs, folders);
  await addAdmin(folders.root);
  const accounts = await accountsIn(folders.root);
  const etcd = accounts.get('etcd');
  if (etcd === undefined) throw new Error(`root file system ${inputs.rootfs}: has no user "etcd"`);
  await chown(folders.etcd, etcd.uid, etcd.gid);
  const files = [
    ...certificateFiles(inputs.pki, node),
    ...kubernetesFiles(inputs.kubernetes, node),
    ...(await systemFiles({ ...inputs.system, hostKeys }, node)),
  ];
  for (const file of files) {
    const { root, path } = locate(folders, file.path);
    await writeNodeFile(root, { ...file, path }, accounts);
  }
  for (const link of systemLinks(node)) await writeNodeLink(folders.root, link);
  await prepareFolders(folders.root);
}

/** Where a node's file lies on the host: a bound folder hides what the overlay has at its place. */
export function locate(folders: NodeFolders, path: string): { root: string; path: string } {
  for (const [name, bound] of Object.entries(boundFolders)) {
    if (!path.startsWith(`${bound}/`)) continue;
    return { root: folders[name as keyof typeof boundFolders], path: path.slice(bound.length) };
  }
  return { root: folders.root, path };
}

/** The admin user: no password, login by key alone. */
async function addAdmin(root: string): Promise<void> {
  const id = 1000;
  const home = join(root, 'home', adminUser);
  await appendFile(join(root, 'etc/passwd'), `${adminUser}:x:${id}:${id}::/home/${adminUser}:/bin/bash\n`);
  await appendFile(join(root, 'etc/group'), `${adminUser}:x:${id}:\n`);
  await appendFile(join(root, 'etc/shadow'), `${adminUser}:*:19000:0:99999:7:::\n`);
  for (const folder of [home, join(home, '.ssh')]) {
    await mkdir(folder, { recursive: true });
    await chmod(folder, folder === home ? 0o755 : 0o700);
    await chown(folder, id, id);
  }
}

/** Mount points, and folders that host paths of pods expect. */
async function prepareFolders(root: string): Promise<void> {
  const folders = [
    ...Object.values(boundFolders),
    '/opt/lab/images',
    '/var/log/kubeaudit',
    '/var/log/journal',
  ];
  for (const folder of folders) await mkdir(join(root, folder), { recursive: true });
}
