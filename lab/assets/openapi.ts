import { readFile, readdir, rename, rm, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { goEnvironment } from './gobuild.js';
import { run } from './run.js';
import type { SourceTree } from './source.js';
import { exists } from './store.js';

const output = 'pkg/generated/openapi';
const file = 'zz_generated.openapi.go';
/** The list of rule violations that upstream keeps: a run over the same packages finds exactly these. */
const known = 'api/api-rules/violation_exceptions.list';
const tag = '+k8s:openapi-gen=';

/**
 * Makes the one generated file that the sources lack. `make generated_files` would do it as well, after half a minute
 * of looking for other work. Does nothing when the file is there; throws when upstream's check list differs.
 */
export async function ensureOpenApi(tree: SourceTree): Promise<void> {
  const target = join(tree.kubernetes, output, file);
  if (await exists(target)) return;
  const scratch = join(tree.gopath, 'openapi');
  await rm(scratch, { recursive: true, force: true });
  await mkdir(scratch);
  const violations = join(scratch, 'violations');
  await generate(tree, await taggedPackages(tree.kubernetes), scratch, violations);
  await compare(violations, join(tree.kubernetes, known));
  await rename(join(scratch, 'k8s.io/kubernetes', output, file), target);
}

async function generate(
  tree: SourceTree,
  packages: readonly string[],
  into: string,
  violations: string,
): Promise<void> {
  const options = { cwd: tree.kubernetes, env: goEnvironment(tree), contained: true };
  const generator = join(into, 'openapi-gen');
  const go = join(tree.goroot, 'bin/go');
  await run(go, ['build', '-o', generator, './vendor/k8s.io/kube-openapi/cmd/openapi-gen'], options);
  const args = [
    ...['--logtostderr', '-i', packages.join(','), '-p', `k8s.io/kubernetes/${output}`],
    ...['-O', file.replace(/\.go$/, ''), '-h', 'vendor/k8s.io/code-generator/hack/boilerplate.go.txt'],
    ...['-r', violations, '-o', into],
  ];
  await run(generator, args, options);
}

async function compare(found: string, expected: string): Promise<void> {
  if ((await readFile(found, 'utf8')) === (await readFile(expected, 'utf8'))) return;
  throw new Error(
    `${found}: the API rule violations differ from ${expected}, so the generator saw other packages than upstream's; remove the source folder of the cache and run again`,
  );
}

/** Import paths of all packages with the tag, as upstream's makefile finds them. */
async function taggedPackages(kubernetes: string): Promise<string[]> {
  const folders = new Set<string>();
  for (const top of ['pkg', 'plugin', 'cmd', 'staging/src']) {
    for (const entry of await readdir(join(kubernetes, top), { recursive: true, withFileTypes: true })) {
      if (!entry.isFile() || !isCandidate(entry.parentPath, entry.name)) continue;
      if ((await readFile(join(entry.parentPath, entry.name), 'utf8')).includes(tag))
        folders.add(entry.parentPath.slice(kubernetes.length + 1));
    }
  }
  return [...folders]
    .sort()
    .map((folder) => `k8s.io/kubernetes/${folder.replace(/^staging\/src\//, 'vendor/')}`);
}

function isCandidate(folder: string, name: string): boolean {
  if (!name.endsWith('.go') || name.endsWith('_test.go') || name.startsWith('zz_generated')) return false;
  return !/\/(code-generator|sample-apiserver|testdata|generators)(\/|$)/.test(folder);
}
