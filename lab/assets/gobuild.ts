import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Task } from './progress.js';
import { run } from './run.js';
import type { SourceTree } from './source.js';
import { cacheFolder } from './store.js';

/** What to build from the tree. */
export interface GoBuild {
  tree: SourceTree;
  /** Import paths relative to `k8s.io/kubernetes`, such as `./cmd/kubelet`. */
  packages: readonly string[];
  /** Folder that gets one static executable for each package. */
  into: string;
  linkerFlags?: readonly string[];
  /** Files laid into the tree without being written there: path in the tree → path of the real file. */
  overlay?: Readonly<Record<string, string>>;
  task: Task;
}

/** Go as Debian builds Kubernetes with: GOPATH mode (module mode refuses the vendor folder), no C, no network. */
export function goEnvironment(tree: SourceTree): Record<string, string> {
  return {
    GOROOT: tree.goroot,
    GOPATH: tree.gopath,
    // Outlives an interrupted build, so that the next one goes on where it was.
    GOCACHE: join(cacheFolder(), 'go-build'),
    GO111MODULE: 'off',
    CGO_ENABLED: '0',
    GOFLAGS: '',
    GOPROXY: 'off',
    GOENV: 'off',
  };
}

/** Builds all packages in one call, which reads the tree of imports once and keeps both cores busy. */
export async function goBuild(build: GoBuild): Promise<void> {
  const { tree, task } = build;
  const go = join(tree.goroot, 'bin/go');
  const common = { cwd: tree.kubernetes, env: goEnvironment(tree), contained: true };
  const laid = ['-overlay', await writeOverlay(build)];
  task.update('reads the tree of imports');
  const imports = await run(go, ['list', ...laid, '-deps', ...build.packages], common);
  const onLine = countPackages(imports.split('\n').filter(isKubernetes).length, task);
  const args = ['build', '-v', ...laid, ...flags(build), '-o', `${build.into}/`, ...build.packages];
  await run(go, args, { ...common, onLine });
  await rm(overlayFile(build));
}

/** Reads `go build -v`, which names each package that it compiles, but none that its cache has. */
function countPackages(all: number, task: Task): (line: string) => void {
  let built = 0;
  return (line) => {
    if (!isKubernetes(line)) return;
    built += 1;
    task.update(
      built < all ? `${built} of at most ${all} packages compiled` : 'links the executables',
      built / all,
    );
  };
}

const isKubernetes = (line: string): boolean => line.startsWith('k8s.io/kubernetes/');

/** Nobody debugs these: without DWARF compiling and linking are faster and the files half as large. */
function flags(build: GoBuild): string[] {
  const link = ['-s', '-w', ...(build.linkerFlags ?? [])];
  return ['-gcflags=k8s.io/kubernetes/...=-dwarf=false', `-ldflags=${link.join(' ')}`];
}

/**
 * Lays Debian's reflect2 1.0.2 over the vendored 1.0.1, which panics on many writes when built with Go 1.18 or newer.
 * Files that the newer one lacks are hidden.
 */
async function writeOverlay(build: GoBuild): Promise<string> {
  const { tree } = build;
  const vendored = join(tree.kubernetes, 'vendor/github.com/modern-go/reflect2');
  const replace: Record<string, string> = {};
  for (const name of (await readdir(vendored)).filter(isSource)) replace[join(vendored, name)] = '';
  for (const name of (await readdir(tree.reflect2)).filter(isSource))
    replace[join(vendored, name)] = join(tree.reflect2, name);
  for (const [path, real] of Object.entries(build.overlay ?? {})) replace[join(tree.kubernetes, path)] = real;
  await writeFile(overlayFile(build), JSON.stringify({ Replace: replace }));
  return overlayFile(build);
}

const overlayFile = (build: GoBuild): string => join(build.into, '.overlay.json');

const isSource = (name: string): boolean => /\.(go|s)$/.test(name);
