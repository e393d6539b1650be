import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { needMirror } from './mirror.js';
import { run } from './run.js';

/** Debian's keys: everything that is fetched is checked against them. */
export const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** An apt with lists, sources and state of its own, so that the machine's own stays as it is. */
export interface PrivateApt {
  /** Fetches binary packages into `folder`; `suite` where it must not be the newest release's. */
  download(folder: string, names: readonly string[], suite?: string): Promise<void>;
  /** Fetches a source package's files into `folder`. */
  downloadSource(folder: string, name: string): Promise<void>;
}

/** The release that nodes and builds are made of, and the one whose etcd AKS Engine ships. */
export const release = 'bookworm';
/** See `release`. */
export const etcdRelease = 'bullseye';

/** Sets it up in `folder` and reads the package lists from the machine's own mirror (about 30 MB). */
export async function openPrivateApt(folder: string): Promise<PrivateApt> {
  const env = { APT_CONFIG: await configure(folder, await needMirror()) };
  await run('apt-get', ['update', '--error-on=any', '-q'], { env, contained: true });
  return {
    async download(into, names, suite) {
      const wanted = names.map((name) => (suite === undefined ? name : `${name}/${suite}`));
      await run('apt-get', ['download', '-q', ...wanted], { cwd: into, env, contained: true });
    },
    async downloadSource(into, name) {
      const args = ['source', '-q', '--download-only', '--only-source', name];
      await run('apt-get', args, { cwd: into, env, contained: true });
    },
  };
}

async function configure(folder: string, mirror: string): Promise<string> {
  const state = join(folder, 'state');
  for (const each of ['state/lists/partial', 'cache/archives/partial', 'parts'])
    await mkdir(join(folder, each), { recursive: true });
  await writeFile(join(state, 'status'), '');
  const signed = `[signed-by=${keyring}] ${mirror}`;
  const sources = [
    `deb ${signed} ${release} main`,
    `deb-src ${signed} ${release} main`,
    `deb ${signed} ${etcdRelease} main`,
  ];
  await writeFile(join(folder, 'sources.list'), `${sources.join('\n')}\n`);
  const settings = {
    'Dir::State': state,
    'Dir::State::status': join(state, 'status'),
    'Dir::Cache': join(folder, 'cache'),
    'Dir::Etc::sourcelist': join(folder, 'sources.list'),
    'Dir::Etc::sourceparts': join(folder, 'parts'),
    'Dir::Etc::preferences': join(folder, 'preferences'),
    'Dir::Etc::preferencesparts': join(folder, 'parts'),
    // The folders belong to root, and apt's own user cannot enter a home folder.
    'APT::Sandbox::User': 'root',
  };
  const file = join(folder, 'apt.conf');
  await writeFile(
    file,
    Object.entries(settings)
      .map(([name, value]) => `${name} "${value}";\n`)
      .join(''),
  );
  return file;
}
