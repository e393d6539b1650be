import { run } from './run.js';

const debianSuites = /^(stable|oldstable|testing|unstable|sid|bullseye|bookworm|trixie|forky|duke)$/;

/** One archive that apt of this machine is set up with. */
interface Archive {
  uri: string;
  suite: string;
}

/** The archives in the output of `apt-get update --print-uris`, in its order. */
export function parseArchives(printed: string): Archive[] {
  const found = printed.matchAll(/^'(\S+?)\/?\/dists\/(\S+?)\/InRelease'/gm);
  return [...found].map(([, uri = '', suite = '']) => ({ uri, suite }));
}

/** The first archive that carries whole Debian releases (no updates, no security archive), if there is one. */
export function chooseMirror(archives: readonly Archive[]): string | undefined {
  return archives.find(({ suite }) => debianSuites.test(suite))?.uri;
}

/** Where `$KEYROLL_LAB_MIRROR` or, without it, the machine's own apt configuration fetches Debian from. */
export async function findMirror(): Promise<string | undefined> {
  const chosen = process.env['KEYROLL_LAB_MIRROR'];
  if (chosen !== undefined && chosen !== '') return chosen;
  return chooseMirror(parseArchives(await run('apt-get', ['update', '--print-uris'])));
}

/** As findMirror, for work that cannot go on without one. */
export async function needMirror(): Promise<string> {
  const mirror = await findMirror();
  if (mirror !== undefined) return mirror;
  throw new Error(
    'apt configuration: it names no Debian archive with a whole release (found none among `apt-get update --print-uris`); ' +
      'add one to /etc/apt/sources.list or set KEYROLL_LAB_MIRROR to the address of one',
  );
}

/** The proxy that apt uses, as variables for programs that do not read apt's configuration. */
export async function proxyEnvironment(): Promise<Record<string, string>> {
  const printed = await run('apt-config', ['shell', 'proxy', 'Acquire::http::Proxy']);
  const proxy = /^proxy='(.+)'$/m.exec(printed)?.[1];
  return proxy === undefined || proxy === 'DIRECT' ? {} : { http_proxy: proxy };
}
