import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { HollowCluster } from '../../../src/hollow/index.js';

/** What a rotation may leave or change for itself, and what the stand-ins write while they run. */
const notCompared = [
  '/var/lib/keyroll',
  '/var/log',
  '/proc',
  '/run',
  '/tmp',
  // kubelet's own client certificate: a new one each time it asks for one.
  '/var/lib/kubelet/pki',
  '/var/lib/kubelet/pods',
];

/** Content and mode of each file of all nodes, by `node path`. */
export type NodeFiles = ReadonlyMap<string, string>;

export function nodeFiles(cluster: HollowCluster): NodeFiles {
  return new Map(
    cluster.machines.flatMap(({ node }) =>
      filesBelow(node.root, '').map(({ path, text }): [string, string] => [`${node.name} ${path}`, text]),
    ),
  );
}

function filesBelow(root: string, folder: string): { path: string; text: string }[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (notCompared.includes(path)) return [];
    if (entry.isDirectory()) return filesBelow(root, path);
    if (!entry.isFile()) return [];
    const { mode } = lstatSync(join(root, path));
    return [{ path, text: `${(mode & 0o777).toString(8)} ${readFileSync(join(root, path), 'utf8')}` }];
  });
}

/**
 * What each file has become, in words that two rotations share: `as before`, or the names of the rotation's materials
 * that it holds, or `changed`.
 */
export function endState(
  before: NodeFiles,
  after: NodeFiles,
  materials: ReadonlyMap<string, string>,
): Record<string, string> {
  const names = new Map<string, string[]>();
  for (const [name, text] of materials) names.set(text.trim(), [...(names.get(text.trim()) ?? []), name]);
  const all = [...new Set([...before.keys(), ...after.keys()])].sort();
  const word = (file: string): string => {
    const [was, is] = [before.get(file), after.get(file)];
    if (is === undefined) return 'gone';
    if (was === is) return 'as before';
    const [mode, text] = [is.slice(0, is.indexOf(' ')), is.slice(is.indexOf(' ') + 1)];
    return `${mode} ${names.get(text.trim())?.sort().join(' = ') ?? (was === undefined ? 'came' : 'changed')}`;
  };
  return Object.fromEntries(all.map((file) => [file, word(file)]));
}
