import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { filesEnding, type Downloads } from './downloads.js';
import { step, type Progress } from './progress.js';
import { run } from './run.js';
import { cached } from './store.js';

/** The version that Debian's source package says it really is. */
export const kubernetesVersion = '1.20.2';

/** A tree in which Kubernetes and what is written against its vendor folder can be built. */
export interface SourceTree {
  /** GOPATH; the sources lie in `src/k8s.io/kubernetes` below it. */
  gopath: string;
  /** GOROOT: Debian's Go, unpacked, not installed. */
  goroot: string;
  /** `src/k8s.io/kubernetes`. */
  kubernetes: string;
  /** Debian's reflect2 1.0.2. */
  reflect2: string;
}

/** Unpacks Go and the patched Kubernetes sources beside each other. */
export async function ensureSourceTree(
  progress: Progress,
  downloads: () => Promise<Downloads>,
): Promise<SourceTree> {
  const folder = await cached({
    name: 'source',
    inputs: { kubernetesVersion, layout: '1' },
    onWait: () => progress.note('  another run unpacks the Kubernetes sources; waiting for it'),
    build: async (into) => {
      const files = await downloads();
      await step(progress, 'Go and Kubernetes sources: unpack', 8, () => unpack(into, files));
    },
  });
  return {
    gopath: join(folder, 'gopath'),
    goroot: join(folder, 'tools/usr/lib/go-1.19'),
    kubernetes: join(folder, 'gopath/src/k8s.io/kubernetes'),
    reflect2: join(folder, 'tools/usr/share/gocode/src/github.com/modern-go/reflect2'),
  };
}

async function unpack(folder: string, files: Downloads): Promise<void> {
  for (const file of await filesEnding(files.go, '.deb'))
    await run('dpkg-deb', ['-x', file, join(folder, 'tools')], { contained: true });
  const tree = join(folder, 'gopath/src/k8s.io/kubernetes');
  await mkdir(tree, { recursive: true });
  const [upstream] = await filesEnding(files.source, '.orig.tar.gz');
  const [debian] = await filesEnding(files.source, '.debian.tar.xz');
  if (upstream === undefined || debian === undefined) {
    throw new Error(
      `${files.source}: found no *.orig.tar.gz with *.debian.tar.xz, expected Debian's kubernetes source package; remove this folder and run again`,
    );
  }
  await run('tar', ['-xzf', upstream, '--strip-components=1', '--no-same-owner', '-C', tree], {
    contained: true,
  });
  await run('tar', ['-xJf', debian, '--no-same-owner', '-C', tree], { contained: true });
  await applyPatches(tree);
}

/** Debian's own patches, among them security fixes, in the order of its series file. */
async function applyPatches(tree: string): Promise<void> {
  const patches = join(tree, 'debian/patches');
  const series = await readFile(join(patches, 'series'), 'utf8');
  for (const name of series.split('\n').filter((line) => line !== '' && !line.startsWith('#')))
    await run('patch', ['-p1', '--silent', '-i', join(patches, name)], { cwd: tree });
}
