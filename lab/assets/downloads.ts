import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { openPrivateApt, etcdRelease } from './apt.js';
import { step, type Progress } from './progress.js';
import { cached, cacheFolder } from './store.js';

/** Debian's Go, its sources, and the reflect2 that Go 1.18 and newer need. */
const goPackages = ['golang-1.19-go', 'golang-1.19-src', 'golang-github-modern-go-reflect2-dev'];
const etcdPackages = ['etcd-server', 'etcd-client'];
const busyboxPackages = ['busybox-static'];
const kubernetesSource = 'kubernetes';

/** Folders with the fetched package files. */
export interface Downloads {
  go: string;
  etcd: string;
  busybox: string;
  source: string;
}

/** Fetches every package file that is unpacked rather than installed, signatures checked by apt. */
export async function ensureDownloads(progress: Progress): Promise<Downloads> {
  const inputs = { goPackages, etcdPackages, busyboxPackages, kubernetesSource, etcdRelease };
  const folder = await cached({
    name: 'downloads',
    inputs,
    onWait: () => progress.note('  another run fetches the package files; waiting for it'),
    build: (into) =>
      step(progress, 'Go, etcd and Kubernetes source packages: fetch', 10, () => fetchAll(into)),
  });
  const at = (name: string): string => join(folder, name);
  return { go: at('go'), etcd: at('etcd'), busybox: at('busybox'), source: at('source') };
}

async function fetchAll(folder: string): Promise<void> {
  const apt = await openPrivateApt(join(cacheFolder(), 'apt'));
  const into = async (name: string): Promise<string> => {
    await mkdir(join(folder, name));
    return join(folder, name);
  };
  await apt.download(await into('go'), goPackages);
  await apt.download(await into('etcd'), etcdPackages, etcdRelease);
  await apt.download(await into('busybox'), busyboxPackages);
  await apt.downloadSource(await into('source'), kubernetesSource);
}

/** The files in a folder whose names end so, as full paths in the order of their names. */
export async function filesEnding(folder: string, ending: string): Promise<string[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith(ending)).sort();
  return names.map((name) => join(folder, name));
}
