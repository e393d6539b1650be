import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { StateFolder } from '../adapters/fs/state-folder.js';
import type { ClusterNode } from '../model/cluster.js';
import type { Place } from '../report/report.js';
import { backupFolder } from './artifacts.js';
import type { Session } from './session.js';

const operator = 'this machine';
const folder = '/var/lib/keyroll';

/** What of a session this needs. */
export type PlacesSession = Pick<Session, 'nodes' | 'rotation' | 'rescue'> & {
  readonly state: Pick<StateFolder, 'path' | 'journal'>;
  readonly model: Pick<Session['model'], 'file'>;
};

/**
 * Every place that holds keys or snapshots of this rotation, and keys on this machine of others that never began.
 * `keyroll clean` removes them, but for what lies on Windows nodes.
 */
export function placesOf(session: PlacesSession): Place[] {
  return [...placesHere(session), ...session.nodes.flatMap((node) => placesOn(node, session))];
}

function placesHere({ state, rotation, model }: PlacesSession): Place[] {
  const backup = join(dirname(model.file), backupFolder);
  const others = StateFolder.abandoned(dirname(state.path)).filter((other) => other.rotation !== rotation);
  return [
    { where: operator, path: join(state.path, 'keys'), what: 'all keys of the rotation, old and new' },
    ...others.map(({ path }) => ({
      where: operator,
      path: join(path, 'keys'),
      what: 'keys of a rotation that never began',
    })),
    ...(existsSync(backup)
      ? [{ where: operator, path: backup, what: 'API model and kubeconfig of before' }]
      : []),
  ];
}

function placesOn(node: ClusterNode, session: PlacesSession): Place[] {
  const { name: where, os, role } = node;
  const { rotation, rescue, state } = session;
  const what = 'replaced files as they were';
  if (os === 'windows')
    return [
      { where, path: `c:\\k\\keyroll-backup\\${rotation}`, what: `${what}; keyroll clean leaves them there` },
    ];
  const backup = { where, path: `${folder}/backup/${rotation}`, what };
  if (role !== 'master' || !isPrepared(state, where)) return [backup];
  const keys = 'all keys of the rotation, for adopt';
  return [
    backup,
    { where, path: `${folder}/rotations/${rotation}`, what: keys },
    etcdOf(where, rotation, rescue),
  ];
}

function etcdOf(where: string, rotation: string, rescue: boolean): Place {
  return rescue
    ? { where, path: `${folder}/etcd-copies/${rotation}`, what: "copy of its etcd member's data" }
    : { where, path: `${folder}/etcd-snapshots/${rotation}.db`, what: 'snapshot of its etcd member' };
}

function isPrepared({ journal }: PlacesSession['state'], node: string): boolean {
  return journal.records.some(({ type, id }) => type === 'done' && id === `prepare/${node}`);
}
