import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from './run.js';

/** What an image says about itself. */
export interface ImageSettings {
  name: string;
  entrypoint?: readonly string[];
  command?: readonly string[];
  /** `NAME=value`, besides a PATH. */
  environment?: readonly string[];
}

/** The same files give the same bytes, and so the same image on every machine. */
const reproducible = [
  '--sort=name',
  '--mtime=@0',
  '--owner=0',
  '--group=0',
  '--numeric-owner',
  '--format=ustar',
];

/**
 * Writes a docker-archive that `ctr images import` reads, with one layer for each folder, the lowest first.
 * @param layers folders that hold what the image's root holds
 * @param target the tar to write
 * @param scratch an empty folder
 */
export async function writeImage(
  settings: ImageSettings,
  layers: readonly string[],
  target: string,
  scratch: string,
): Promise<void> {
  await mkdir(scratch, { recursive: true });
  const digests: string[] = [];
  for (const layer of layers) digests.push(await packLayer(layer, scratch));
  const config = JSON.stringify(imageConfig(settings, digests));
  const configName = `${sha256(config)}.json`;
  await writeFile(join(scratch, configName), config);
  const manifest = [
    { Config: configName, RepoTags: [settings.name], Layers: digests.map((digest) => `${digest}.tar`) },
  ];
  await writeFile(join(scratch, 'manifest.json'), JSON.stringify(manifest));
  await run('tar', [...reproducible, '-cf', target, '-C', scratch, '.']);
}

async function packLayer(folder: string, scratch: string): Promise<string> {
  const file = join(scratch, 'layer');
  await run('tar', [...reproducible, '-cf', file, '-C', folder, '.']);
  const digest = sha256(await readFile(file));
  await rename(file, join(scratch, `${digest}.tar`));
  return digest;
}

/** The OCI image configuration: what to run, and the digests of the layers (uncompressed) in their order. */
export function imageConfig(settings: ImageSettings, digests: readonly string[]): unknown {
  return {
    architecture: 'amd64',
    os: 'linux',
    config: {
      Env: [
        'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
        ...(settings.environment ?? []),
      ],
      ...(settings.entrypoint === undefined ? {} : { Entrypoint: settings.entrypoint }),
      ...(settings.command === undefined ? {} : { Cmd: settings.command }),
    },
    rootfs: { type: 'layers', diff_ids: digests.map((digest) => `sha256:${digest}`) },
  };
}

const sha256 = (content: string | Buffer): string => createHash('sha256').update(content).digest('hex');
