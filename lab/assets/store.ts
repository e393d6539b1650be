import { createHash } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { withLock } from './lock.js';
import { run } from './run.js';

/** The folder that holds everything that is made or fetched once: `$KEYROLL_LAB_CACHE`, else `~/.cache/keyroll-lab`. */
export function cacheFolder(): string {
  const chosen = process.env['KEYROLL_LAB_CACHE'];
  return chosen === undefined || chosen === '' ? join(homedir(), '.cache', 'keyroll-lab') : chosen;
}

/** What decides whether an asset that is there is still the right one. */
export type Inputs = Readonly<Record<string, string | readonly string[]>>;

/** A short key of an asset's inputs (12 hexadecimal digits): equal inputs, in any order of names, give equal keys. */
export function cacheKey(inputs: Inputs): string {
  const ordered = Object.entries(inputs).sort(([a], [b]) => (a < b ? -1 : 1));
  return createHash('sha256').update(JSON.stringify(ordered)).digest('hex').slice(0, 12);
}

/** How an asset is made when it is not there. */
export interface Recipe {
  name: string;
  inputs: Inputs;
  /** Called while another run makes it, since that may last minutes. */
  onWait?: () => void;
  /** Fills the empty folder; whatever it leaves after an error or a kill is thrown away. */
  build: (folder: string) => Promise<void>;
}

/**
 * The folder of an asset, made when it is not there. It is filled under another name and renamed when it is whole and
 * on the disk, so that a folder that is there is complete whatever was interrupted. Two runs never make the same one.
 */
export async function cached(recipe: Recipe): Promise<string> {
  const folder = join(cacheFolder(), `${recipe.name}-${cacheKey(recipe.inputs)}`);
  if (await exists(folder)) return folder;
  await withLock(
    join(cacheFolder(), 'locks', recipe.name),
    async () => {
      if (await exists(folder)) return;
      const temporary = await freshFolder(recipe.name);
      await recipe.build(temporary);
      await run('sync', ['-f', temporary]);
      await rename(temporary, folder);
    },
    recipe.onWait,
  );
  return folder;
}

/** Only called under the lock of `name`: what lies there is from a run that was interrupted. */
async function freshFolder(name: string): Promise<string> {
  const parent = join(cacheFolder(), 'unfinished');
  await mkdir(parent, { recursive: true });
  for (const entry of await readdir(parent)) {
    if (entry.startsWith(`${name}.`)) await rm(join(parent, entry), { recursive: true, force: true });
  }
  const folder = await mkdtemp(join(parent, `${name}.`));
  // mkdtemp makes it 0700; a root file system's own folder is open to all.
  await chmod(folder, 0o755);
  return folder;
}

/** Whether something has this path. */
export async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return false;
    throw error;
  }
}
