import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { ensureDownloads } from './downloads.js';
import { ensureHostPackages } from './hostpackages.js';
import { ensureImages, type Images } from './images.js';
import { ensureKubernetes, kubernetesBinaries } from './kubernetes.js';
import { ensureLabpod } from './labpod.js';
import type { Progress } from './progress.js';
import { ensureRootfs } from './rootfs.js';
import { ensureSourceTree } from './source.js';

export { preflight, printPreflight } from './preflight.js';
export { step, terminalProgress, type Progress, type Task } from './progress.js';

/** Everything that the lab's nodes are made of. All of it is shared between nodes and must not be written to. */
export interface Assets {
  /** Lower layer of the nodes' root file systems: Debian bookworm with etcd 3.3.25. */
  rootfs: string;
  /** Folder with static kube-apiserver, kube-controller-manager, kube-scheduler, kubelet, kube-proxy, kubectl. */
  kubernetes: string;
  /** Paths of docker-archive tars; `imageNames` in images.ts says what they are called. */
  images: Images;
}

/** How to deviate from building everything. */
export interface AssetOptions {
  /** Folder of ready Kubernetes executables, of any version: nothing is built of Kubernetes then. */
  kubernetes?: string;
}

/**
 * Makes whatever is missing, and returns at once when nothing is. May be repeated, interrupted at any point and run
 * twice at the same time. Needs root, a Debian mirror the first time, and says on `report` what it does.
 * @throws an error that says what is missing and what to do; what other parts had finished stays
 */
export async function ensureAssets(report: Progress, options: AssetOptions = {}): Promise<Assets> {
  if (options.kubernetes !== undefined) await checkBinaries(options.kubernetes);
  await ensureHostPackages(report);
  const downloads = once(() => ensureDownloads(report));
  const tree = once(() => ensureSourceTree(report, downloads));
  const kubernetes = options.kubernetes === undefined ? ensureKubernetes(report, tree) : options.kubernetes;
  const images = async (): Promise<Images> => {
    // After Kubernetes, whose build has then compiled most of what this needs.
    await kubernetes;
    return ensureImages(report, downloads, await ensureLabpod(report, tree));
  };
  const [rootfs, binaries, tars] = await allOrFirstError([
    ensureRootfs(report, downloads),
    Promise.resolve(kubernetes),
    images(),
  ]);
  return { rootfs, kubernetes: binaries, images: tars };
}

/** Waits for all, so that no part still runs when the caller sees the error of another. */
async function allOrFirstError<A, B, C>(work: [Promise<A>, Promise<B>, Promise<C>]): Promise<[A, B, C]> {
  await Promise.allSettled(work);
  return Promise.all(work);
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => (made ??= make());
}

async function checkBinaries(folder: string): Promise<void> {
  for (const name of kubernetesBinaries) {
    await access(join(folder, name)).catch((cause: unknown) => {
      const expected = kubernetesBinaries.join(', ');
      throw new Error(
        `${folder}: found no ${name}, expected executables ${expected}; name a folder with all of them`,
        { cause },
      );
    });
  }
}
