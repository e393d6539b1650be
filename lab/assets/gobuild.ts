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
  task.update('reads the tree of imports');
  const laid = ['-overlay', await writeOverlay(build)];
  const all = (await run(go, ['list', ...laid, '-deps', ...build.packages], common)).split('\n').length;
  let built = 0;
  const onLine = (line: string): void => {
    if (!/^[\w.~-]+(\/[\w.~-]+)*$/.test(line)) return;
    built += 1;
    task.update(`${built} of at most ${all} packages built, the last ${line.split('/').pop() ?? line}`, built / all);
  };
  const args = ['build', '-v', ...laid, ...flags(build), '-o', `${build.into}/`, ...build.packages];
  await run(go, args, { ...common, onLine });
  await rm(overlayFile(build));
}

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
