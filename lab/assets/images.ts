import { chmod, copyFile, mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { writeImage, type ImageSettings } from './archive.js';
import { filesEnding, type Downloads } from './downloads.js';
import { step, type Progress } from './progress.js';
import { run } from './run.js';
import { cached } from './store.js';

/** The images, by the names that containerd knows them under. */
export const imageNames = {
  pause: 'mcr.microsoft.com/oss/kubernetes/pause:3.4.1',
  busybox: 'lab/base:1',
  labpod: 'lab/pod:1',
} as const;

/** Paths of docker-archive tars. */
export type Images = Record<keyof typeof imageNames, string>;

const settings: Record<keyof Images, ImageSettings> = {
  pause: { name: imageNames.pause, entrypoint: ['/pause'] },
  // The control plane runs in it, too. Three of each share two cores here and memory is plenty: nothing is collected before
  // half a gigabyte, which a starting kube-apiserver reaches late, and leaves the cores to what is watched. In the image,
  // since a manifest's environment would be the cluster's.
  busybox: { name: imageNames.busybox, command: ['sh'], environment: ['GOGC=off', 'GOMEMLIMIT=500MiB'] },
  labpod: { name: imageNames.labpod, entrypoint: ['/usr/bin/labpod'], environment: ['GOGC=400'] },
};

/** Makes the three images from Debian's static busybox and the folder that labpod was built into. */
export async function ensureImages(
  progress: Progress,
  downloads: () => Promise<Downloads>,
  labpod: string,
): Promise<Images> {
  const folder = await cached({
    name: 'images',
    inputs: { labpod: basename(labpod), settings: JSON.stringify(settings), recipe: '1' },
    onWait: () => progress.note('  another run makes the images; waiting for it'),
    build: async (into) => {
      const { busybox } = await downloads();
      await step(progress, 'container images: make', 3, () => makeAll(into, busybox, labpod));
    },
  });
  return tars(folder);
}

const tars = (folder: string): Images => ({
  pause: join(folder, 'pause.tar'),
  busybox: join(folder, 'base.tar'),
  labpod: join(folder, 'pod.tar'),
});

async function makeAll(into: string, busyboxDebs: string, labpod: string): Promise<void> {
  const at = (name: string): string => join(into, 'work', name);
  await place(join(labpod, 'pause'), join(at('pause'), 'pause'));
  await baseLayer(at('base'), busyboxDebs);
  await place(join(labpod, 'labpod'), join(at('pod'), 'usr/bin/labpod'));
  await symlink('labpod', join(at('pod'), 'usr/bin/kube-addon-manager'));
  const target = tars(into);
  await writeImage(settings.pause, [at('pause')], target.pause, at('pause-image'));
  await writeImage(settings.busybox, [at('base')], target.busybox, at('base-image'));
  await writeImage(settings.labpod, [at('base'), at('pod')], target.labpod, at('pod-image'));
  await rm(join(into, 'work'), { recursive: true });
}

/**
 * busybox under all its names, and Debian's layout of /lib and /sbin: so a pod that mounts the node's /usr over the
 * image's has every dynamically linked program of the node, iptables for kube-proxy among them.
 */
async function baseLayer(layer: string, debs: string): Promise<void> {
  const [deb] = await filesEnding(debs, '.deb');
  if (deb === undefined)
    throw new Error(`${debs}: holds no busybox-static package; remove this folder's parent and run again`);
  const unpacked = `${layer}-package`;
  await run('dpkg-deb', ['-x', deb, unpacked]);
  await place(join(unpacked, 'bin/busybox'), join(layer, 'bin/busybox'));
  for (const name of (await run(join(layer, 'bin/busybox'), ['--list'])).split('\n'))
    if (name !== '' && name !== 'busybox') await symlink('busybox', join(layer, 'bin', name));
  for (const folder of [
    'etc',
    'tmp',
    'usr/bin',
    'usr/sbin',
    'usr/lib',
    'usr/lib64',
    'usr/local/bin',
    'var',
    'root',
  ])
    await mkdir(join(layer, folder), { recursive: true });
  await chmod(join(layer, 'tmp'), 0o1777);
  for (const link of ['sbin', 'lib', 'lib64']) await symlink(`usr/${link}`, join(layer, link));
  await writeFile(
    join(layer, 'etc/passwd'),
    'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n',
  );
  await writeFile(join(layer, 'etc/group'), 'root:x:0:\nnogroup:x:65534:\n');
}

async function place(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  await copyFile(from, to);
}
