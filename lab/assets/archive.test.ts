import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { imageConfig, writeImage } from './archive.js';
import { run } from './run.js';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keyroll-archive-'));
});
afterEach(() => rm(folder, { recursive: true }));

describe('imageConfig', () => {
  it('names the layers by their digests and leaves out what is not set', () => {
    expect(imageConfig({ name: 'a:1', command: ['sh'] }, ['12', '34'])).toMatchObject({
      config: { Cmd: ['sh'] },
      rootfs: { type: 'layers', diff_ids: ['sha256:12', 'sha256:34'] },
    });
    expect(JSON.stringify(imageConfig({ name: 'a:1' }, []))).not.toContain('Entrypoint');
  });
});

describe('writeImage', () => {
  it('writes a manifest that names the image, and the same bytes for the same files', async () => {
    const layer = join(folder, 'layer');
    await mkdir(layer);
    await writeFile(join(layer, 'pause'), 'program', { mode: 0o755 });
    for (const name of ['one', 'two']) {
      await writeImage(
        { name: 'lab/x:1' },
        [layer],
        join(folder, `${name}.tar`),
        join(folder, `${name}-scratch`),
      );
    }
    expect(await readFile(join(folder, 'one.tar'))).toEqual(await readFile(join(folder, 'two.tar')));
    const manifest = await run('tar', ['-xOf', join(folder, 'one.tar'), './manifest.json']);
    expect(JSON.parse(manifest)).toMatchObject([{ RepoTags: ['lab/x:1'] }]);
  });
});
