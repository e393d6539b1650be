import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { StateFolder } from '../adapters/fs/state-folder.js';
import type { ClusterNode } from '../model/cluster.js';
import { placesOf } from './places.js';

const rotation = '20260131-101500-3fa9c1';
const never = '20260130-090000-00aa11';
let folder: string;
let state: StateFolder;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'keyroll-places-'));
  state = new StateFolder(join(folder, '_keyroll'), rotation);
});
afterEach(() => {
  state.journal.close();
  rmSync(folder, { recursive: true });
});

const node = (name: string, role: 'master' | 'agent', os: 'linux' | 'windows' = 'linux'): ClusterNode => ({
  ...{ name, role, os, address: name },
});
const nodes = [
  node('m0', 'master'),
  node('m1', 'master'),
  node('a0', 'agent'),
  node('w0', 'agent', 'windows'),
];

/** `where path` of each place. */
function places(rescue = false): string[] {
  const model = { file: join(folder, 'apimodel.json') };
  return placesOf({ state, nodes, rotation, rescue, model }).map(({ where, path }) => `${where} ${path}`);
}
const here = (path: string): string => `this machine ${join(folder, path)}`;

describe('the places that hold keys or snapshots', () => {
  it('are on each node where its own system keeps what was replaced', () => {
    expect(places()).toEqual([
      here(`_keyroll/${rotation}/keys`),
      `m0 /var/lib/keyroll/backup/${rotation}`,
      `m1 /var/lib/keyroll/backup/${rotation}`,
      `a0 /var/lib/keyroll/backup/${rotation}`,
      `w0 c:\\k\\keyroll-backup\\${rotation}`,
    ]);
  });

  it('are on a master that was prepared its kept keys and the snapshot of its etcd member', () => {
    for (const id of ['prepare/m1', 'prepare/a0']) state.journal.append('done', id);
    const kept = [
      `m1 /var/lib/keyroll/rotations/${rotation}`,
      `m1 /var/lib/keyroll/etcd-snapshots/${rotation}.db`,
    ];
    expect(places().filter((place) => !/keys$|backup/.test(place))).toEqual(kept);
  });

  it('are in a rescue the copy of its data instead', () => {
    state.journal.append('done', 'prepare/m0');
    expect(places(true)).toContain(`m0 /var/lib/keyroll/etcd-copies/${rotation}`);
    expect(places(true).join()).not.toContain('etcd-snapshots');
  });

  it('are also the operator’s files of before, and keys of a rotation that never began', () => {
    state.writeMaterials(new Map([['ca.key', 'secret']]));
    new StateFolder(join(folder, '_keyroll'), never).writeMaterials(new Map([['ca.key', 'secret']]));
    mkdirSync(join(folder, '_rotate_certs_backup'));
    expect(places().filter((place) => place.startsWith('this machine'))).toEqual(
      [`_keyroll/${rotation}/keys`, `_keyroll/${never}/keys`, '_rotate_certs_backup'].map(here),
    );
  });
});
