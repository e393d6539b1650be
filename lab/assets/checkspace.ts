import { readdir, readFile, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { bytes } from './format.js';
import type { Check } from './check.js';
import { cacheFolder, exists } from './store.js';

/** From nothing: sources, Go's build cache, packages, root file system. Measured, with a little to spare. */
const neededFromNothing = 6e9;
/** With a warm cache: what the nodes themselves write. */
const neededWarm = 2e9;
/** A machine sold with 8 GiB shows less, since the kernel keeps some. */
const neededMemory = 7.5 * 2 ** 30;

/** Free space where `folder` is or will be. */
export async function checkDisk(name: string, folder: string): Promise<Check> {
  const needed = (await isWarm()) ? neededWarm : neededFromNothing;
  const { bavail, bsize } = await statfs(await nearest(folder));
  const free = bavail * bsize;
  return {
    name,
    ok: free >= needed,
    found: `${bytes(free)} free for ${folder}`,
    expected: `${bytes(needed)} or more`,
    fix: `free space there${folder === cacheFolder() ? ', or set KEYROLL_LAB_CACHE to a folder on another disk' : ''}`,
  };
}

async function isWarm(): Promise<boolean> {
  if (!(await exists(cacheFolder()))) return false;
  const names = await readdir(cacheFolder());
  return ['kubernetes-', 'rootfs-', 'images-'].every((start) => names.some((name) => name.startsWith(start)));
}

async function nearest(folder: string): Promise<string> {
  return (await exists(folder)) ? folder : nearest(dirname(folder));
}

/** `MemTotal` and `MemAvailable` of /proc/meminfo in bytes. */
export function parseMemory(meminfo: string): { total: number; available: number } {
  const read = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(meminfo)?.[1] ?? 0) * 1024;
  return { total: read('MemTotal'), available: read('MemAvailable') };
}

/** Memory of the machine; what others use at the moment is shown, not judged. */
export async function checkMemory(): Promise<Check> {
  const { total, available } = parseMemory(await readFile('/proc/meminfo', 'utf8'));
  return {
    name: 'memory',
    ok: total >= neededMemory,
    found: `${bytes(total)}, ${bytes(available)} of it available`,
    expected: `${bytes(neededMemory)} or more (five nodes take 2 GB, linking Kubernetes 3 GB)`,
    fix: 'use a machine with more memory',
  };
}
