import { timestamp, type KubeObject } from '../kube/objects.js';
import type { Resource } from '../kube/resources.js';
import { without } from '../kube/without.js';
import { conflict, notModelled } from './api-error.js';
import type { Call, Core, Reply } from './core.js';
import { allowOnly } from './request-info.js';
import { selectorOf } from './selectors.js';

interface DeleteOptions {
  readonly gracePeriodSeconds?: number;
  readonly propagationPolicy?: string;
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
}

/** Deletes one object, or marks it when somebody else must still do something for it. */
export async function deleteObject(core: Core, call: Call): Promise<Reply> {
  const { info } = call;
  const options = optionsOf(call);
  const found = await core.storage.get(info.resource, info.namespace, info.name ?? '');
  return { status: 200, body: await removeObject(core, info.resource, found, options) };
}

export async function deleteCollection(core: Core, call: Call): Promise<Reply> {
  const { resource, namespace, query } = call.info;
  const options = optionsOf(call);
  const { objects } = await core.storage.list(resource, namespace);
  const items = objects.filter(selectorOf(resource, query));
  for (const object of items) await removeObject(core, resource, object, options);
  return { status: 200, body: { kind: `${resource.kind}List`, apiVersion: 'v1', metadata: {}, items } };
}

function optionsOf({ body, info: { query } }: Pick<Call, 'body' | 'info'>): DeleteOptions {
  allowOnly(query, ...known);
  const options = { ...((body ?? {}) as DeleteOptions) };
  const grace = query.get('gracePeriodSeconds') ?? options.gracePeriodSeconds;
  const policy = query.get('propagationPolicy') ?? options.propagationPolicy ?? 'Background';
  if (policy !== 'Background') throw notModelled(`propagationPolicy ${policy}`);
  return { ...options, ...(grace === undefined ? {} : { gracePeriodSeconds: Number(grace) }) };
}

const known = [
  'gracePeriodSeconds',
  'propagationPolicy',
  'labelSelector',
  'fieldSelector',
  'timeout',
  'limit',
];

/**
 * The end of an object: a pod on a node waits for its kubelet, a namespace for what lies in it, others for finalizers.
 * @returns the object as it is then, or a Status when it is gone
 */
export async function removeObject(
  core: Core,
  resource: Resource,
  found: KubeObject,
  options: DeleteOptions,
): Promise<object> {
  checkPreconditions(resource, found, options);
  const grace = graceOf(resource, found, options);
  if (grace > 0) return mark(core, resource, found, grace);
  if (resource.plural === 'namespaces' && hasFinalizers(found)) return mark(core, resource, found, 0);
  if ((found.metadata.finalizers ?? []).length > 0) return mark(core, resource, found, 0);
  // Of whatever version: somebody's change of a moment ago does not save an object.
  const metadata = without(found.metadata, 'resourceVersion');
  await core.storage.remove(resource, { ...found, metadata });
  const { name, uid } = found.metadata;
  const details = { name, group: resource.group, kind: resource.plural, uid };
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details };
}

function checkPreconditions(
  resource: Resource,
  { metadata }: KubeObject,
  { preconditions }: DeleteOptions,
): void {
  const { uid, resourceVersion } = preconditions ?? {};
  if (uid !== undefined && uid !== metadata.uid)
    throw conflict(
      resource,
      metadata.name,
      `the UID in the precondition (${uid}) does not match (${metadata.uid ?? ''})`,
    );
  if (resourceVersion !== undefined && resourceVersion !== metadata.resourceVersion)
    throw conflict(resource, metadata.name, 'the ResourceVersion in the precondition does not match');
}

interface Pod extends KubeObject {
  spec: { nodeName?: string; terminationGracePeriodSeconds?: number };
  status?: { phase?: string };
}

/** Seconds; 0: at once. Only a pod that runs on a node is given time. */
function graceOf({ plural }: Resource, found: KubeObject, { gracePeriodSeconds }: DeleteOptions): number {
  if (plural !== 'pods') return 0;
  const { spec, status } = found as Pod;
  const ended = status?.phase === 'Succeeded' || status?.phase === 'Failed';
  if (spec.nodeName === undefined || ended) return 0;
  return gracePeriodSeconds ?? spec.terminationGracePeriodSeconds ?? 30;
}

function hasFinalizers(namespace: KubeObject): boolean {
  return ((namespace['spec'] as { finalizers?: string[] } | undefined)?.finalizers ?? []).length > 0;
}

function mark(core: Core, resource: Resource, { metadata }: KubeObject, grace: number): Promise<KubeObject> {
  return core.storage.change(resource, metadata.namespace, metadata.name, (object) => {
    const left = object.metadata.deletionGracePeriodSeconds;
    if (object.metadata.deletionTimestamp !== undefined && (left === undefined || left <= grace))
      return object;
    const deletion = {
      deletionTimestamp: timestamp(Date.now() + grace * 1000),
      ...(resource.plural === 'pods' ? { deletionGracePeriodSeconds: grace } : {}),
    };
    const phase = resource.plural === 'namespaces' ? { status: { phase: 'Terminating' } } : {};
    return { ...object, ...phase, metadata: { ...object.metadata, ...deletion } };
  });
}
