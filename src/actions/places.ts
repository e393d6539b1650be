import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Place } from '../report/report.js';
import { backupFolder } from './artifacts.js';
import type { Session } from './session.js';

const operator = 'this machine';

/** Every place that holds keys or snapshots of this rotation; `keyroll clean` removes them. */
export function placesOf(session: Session): Place[] {
  const { state, nodes, rotation, model } = session;
  const backup = join(dirname(model.file), backupFolder);
  const prepared = new Set(
    state.journal.records.filter(({ type }) => type === 'done').map(({ id }) => id.replace(/^prepare\//, '')),
  );
  const folder = '/var/lib/keyroll';
  return [
    { where: operator, path: join(state.path, 'keys'), what: 'all keys of the rotation, old and new' },
    ...(existsSync(backup)
      ? [{ where: operator, path: backup, what: 'API model and kubeconfig of before' }]
      : []),
    ...nodes.flatMap(({ name, role }) => [
      { where: name, path: `${folder}/backup/${rotation}`, what: 'replaced files as they were' },
      ...(role === 'master' && prepared.has(name)
        ? [
            {
              where: name,
              path: `${folder}/rotations/${rotation}`,
              what: 'all keys of the rotation, for adopt',
            },
            session.rescue
              ? {
                  where: name,
                  path: `${folder}/etcd-copies/${rotation}`,
                  what: "copy of its etcd member's data",
                }
              : {
                  where: name,
                  path: `${folder}/etcd-snapshots/${rotation}.db`,
                  what: 'snapshot of its etcd member',
                },
          ]
        : []),
    ]),
  ];
}
