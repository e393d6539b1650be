import { isStatus } from '../client/client.js';
import { controllerOf, type KubeObject } from '../kube/objects.js';
import { pathOf } from '../kube/resources.js';
import type { Controller, ControllerContext, Watched } from './context.js';
import type { Outcome } from './work-queue.js';

/** Kinds that own something here, with their plurals. */
const owners: Readonly<Record<string, string>> = {
  Deployment: 'deployments',
  ReplicaSet: 'replicasets',
  DaemonSet: 'daemonsets',
  StatefulSet: 'statefulsets',
  Job: 'jobs',
};
const owned = ['replicasets', 'pods', 'controllerrevisions'] as const;

/** Deletes what was controlled by something that is gone. */
export const garbage: Controller = (context) => {
  const all = new Map<string, Watched<KubeObject>>();
  const queue = context.queue('garbage collector', (key) => reconcile(context, all, key));
  for (const plural of owned)
    all.set(
      plural,
      context.watch(plural, (now, before) => {
        if (now && !before) queue.add(`${plural}/${now.metadata.namespace ?? ''}/${now.metadata.name}`);
      }),
    );
  for (const plural of Object.values(owners))
    context.watch(plural, (now, before) => {
      if (now || !before) return;
      for (const [dependents, watched] of all)
        for (const { metadata } of watched.all.filter(
          (each) => controllerOf(each)?.uid === before.metadata.uid,
        ))
          queue.add(`${dependents}/${metadata.namespace ?? ''}/${metadata.name}`);
    });
};

async function reconcile(
  { client }: ControllerContext,
  all: ReadonlyMap<string, Watched<KubeObject>>,
  key: string,
): Promise<Outcome> {
  const [plural = '', namespace = '', name = ''] = key.split('/');
  const object = all.get(plural)?.get(`${namespace}/${name}`);
  const owner = object && controllerOf(object);
  const ownerPlural = owners[owner?.kind ?? ''];
  if (!object || !owner || ownerPlural === undefined) return undefined;
  try {
    const found = await client.get(pathOf(ownerPlural, namespace, owner.name));
    if (found.metadata.uid === owner.uid) return undefined;
  } catch (error) {
    if (!isStatus(error, 404)) throw error;
  }
  await client.delete(pathOf(plural, namespace, name), { preconditions: { uid: object.metadata.uid } });
  return undefined;
}
