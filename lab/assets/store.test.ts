import { mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { cached, cacheFolder, cacheKey } from './store.js';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keyroll-store-'));
  vi.stubEnv('KEYROLL_LAB_CACHE', folder);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

describe('cacheFolder', () => {
  it('is the chosen one, else lies in the home folder', () => {
    expect(cacheFolder()).toBe(folder);
    vi.stubEnv('KEYROLL_LAB_CACHE', '');
    expect(cacheFolder()).toMatch(/\/\.cache\/keyroll-lab$/);
  });
});

describe('cacheKey', () => {
  it('does not depend on the order of names, but on every value and its place', () => {
    expect(cacheKey({ a: '1', b: ['2', '3'] })).toBe(cacheKey({ b: ['2', '3'], a: '1' }));
    const others = [{ a: '1', b: ['3', '2'] }, { a: '1', b: ['23'] }, { a: '1' }, { a: '', b: ['2', '3'] }];
    expect(new Set([{ a: '1', b: ['2', '3'] }, ...others].map(cacheKey)).size).toBe(5);
    expect(cacheKey({})).toMatch(/^[0-9a-f]{12}$/);
  });
});

describe('cached', () => {
  const recipe = (build: (into: string) => Promise<void>) => ({
    name: 'thing',
    inputs: { version: '1' },
    build,
  });
  const fill = (into: string): Promise<void> => writeFile(join(into, 'file'), 'whole');

  it('builds once and returns the same folder afterwards', async () => {
    const build = vi.fn(fill);
    const first = await cached(recipe(build));
    expect(await cached(recipe(build))).toBe(first);
    expect(build).toHaveBeenCalledTimes(1);
    expect((await stat(first)).mode & 0o777).toBe(0o755);
  });

  it('leaves nothing that looks finished after an error, and builds anew the next time', async () => {
    const broken = async (into: string): Promise<void> => {
      await writeFile(join(into, 'half'), '');
      throw new Error('no space');
    };
    await expect(cached(recipe(broken))).rejects.toThrow('no space');
    expect((await readdir(folder)).sort()).toEqual(['locks', 'unfinished']);
    expect(await readdir(await cached(recipe(fill)))).toEqual(['file']);
  });

  it('throws away what a killed run left', async () => {
    await mkdir(join(folder, 'unfinished/thing.abc'), { recursive: true });
    await mkdir(join(folder, 'unfinished/other.abc'), { recursive: true });
    await cached(recipe(fill));
    expect(await readdir(join(folder, 'unfinished'))).toEqual(['other.abc']);
  });

  it('does not build twice when two ask at the same time', async () => {
    const build = vi.fn(fill);
    const [one, two] = await Promise.all([cached(recipe(build)), cached(recipe(build))]);
    expect(one).toBe(two);
    expect(build).toHaveBeenCalledTimes(1);
    expect(await readFile(join(one, 'file'), 'utf8')).toBe('whole');
  });
});
