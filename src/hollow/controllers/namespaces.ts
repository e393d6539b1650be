import { isStatus } from '../client/client.js';
import { keyOf, type KubeObject } from '../kube/objects.js';
import { pathOf, resources } from '../kube/resources.js';
import type { Controller, ControllerContext } from './context.js';
import type { Outcome } from './work-queue.js';

interface Namespace extends KubeObject {
  spec?: { finalizers?: string[] };
}

const againMs = 100;

/** Empties a namespace that is being deleted, waits until its pods have ended, and lets it go. */
export const namespaces: Controller = (context) => {
  const queue = context.queue('namespace', (name) => reconcile(context, name));
  context.watch<Namespace>('namespaces', (now) => {
    if (now?.metadata.deletionTimestamp !== undefined) queue.add(keyOf(now));
  });
};

async function reconcile({ client }: ControllerContext, name: string): Promise<Outcome> {
  const path = pathOf('namespaces', undefined, name);
  let left = 0;
  for (const { plural } of resources.filter(({ namespaced }) => namespaced)) {
    const { items } = await client.list(pathOf(plural, name));
    left += items.length;
    for (const { metadata } of items)
      if (metadata.deletionTimestamp === undefined) await client.delete(pathOf(plural, name, metadata.name));
  }
  if (left > 0) return againMs;
  try {
    const found = await client.get<Namespace>(path);
    await client.update(`${path}/finalize`, { ...found, spec: { finalizers: [] } });
  } catch (error) {
    if (!isStatus(error, 404)) throw error;
  }
  return undefined;
}
