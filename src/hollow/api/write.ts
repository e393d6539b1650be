import { isDeepStrictEqual } from 'node:util';
import type { KubeObject } from '../kube/objects.js';
import { groupVersionOf, resourceOf, type Resource } from '../kube/resources.js';
import { admit, admitUpdate } from './admission/index.js';
import { badRequest, conflict, forbidden, invalid, notFound } from './api-error.js';
import type { Call, Core, Reply } from './core.js';
import { patchOf } from './patches/index.js';
import { generatedName } from '../kube/generated-name.js';
import { without } from '../kube/without.js';
import { typed } from './read.js';
import { allowOnly, type ResourceRequest } from './request-info.js';

const options = ['dryRun', 'fieldManager', 'timeout', 'force'];

export async function createObject(core: Core, call: Call): Promise<Reply> {
  const { info, user } = call;
  if (info.name !== undefined) throw badRequest(`POST to the object ${info.name}; expected its collection`);
  allowOnly(info.query, ...options);
  const object = named(bodyOf(call), info);
  await demandNamespace(core, info);
  const admitted = await admit(core, info.resource, object, user);
  return { status: 201, body: await core.storage.create(info.resource, admitted, isDryRun(info)) };
}

export async function updateObject(core: Core, call: Call): Promise<Reply> {
  const object = named(bodyOf(call), call.info);
  return changeObject(core, call, () => object);
}

export async function patchObject(core: Core, call: Call): Promise<Reply> {
  const patch = patchOf(call.contentType, call.body);
  return changeObject(core, call, patch);
}

async function changeObject(
  core: Core,
  { info }: Call,
  change: (found: KubeObject) => KubeObject,
): Promise<Reply> {
  allowOnly(info.query, ...options);
  const { resource, namespace, name = '', subresource } = info;
  const made = (found: KubeObject): KubeObject => {
    const wanted = typed(resource, change(structuredClone(found)));
    checkSame(resource, found, wanted);
    const kept = subresource === 'status' ? onlyStatus(found, wanted) : allButStatus(resource, found, wanted);
    return admitUpdate(resource, counted(resource, found, kept), found);
  };
  const changed = await core.storage.change(resource, namespace, name, made, isDryRun(info));
  return { status: 200, body: await goneWhenFree(core, resource, changed, isDryRun(info)) };
}

/** An object that is being deleted goes when the last finalizer does; a pod when its kubelet says so. */
async function goneWhenFree(
  { storage }: Core,
  resource: Resource,
  object: KubeObject,
  dryRun: boolean,
): Promise<KubeObject> {
  const { deletionTimestamp, finalizers = [] } = object.metadata;
  const waits = resource.plural === 'pods' || resource.plural === 'namespaces';
  if (deletionTimestamp === undefined || finalizers.length > 0 || waits || dryRun) return object;
  return storage.remove(resource, object);
}

/** The body as an object of the resource that the path names. */
function bodyOf({ body, info: { resource } }: Call): KubeObject {
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw badRequest('the body is no JSON object');
  const object = body as Partial<KubeObject>;
  const { kind = resource.kind, apiVersion = groupVersionOf(resource) } = object;
  if (kind !== resource.kind || apiVersion !== groupVersionOf(resource))
    throw badRequest(
      `${apiVersion} ${kind} in the body; the path is of ${groupVersionOf(resource)} ${resource.kind}`,
    );
  return typed(resource, { ...object, metadata: object.metadata ?? { name: '' } });
}

/** Name and namespace from body and path, which must not differ. */
function named(object: KubeObject, { namespace, name, resource }: ResourceRequest): KubeObject {
  const { metadata } = object;
  if (resource.namespaced && namespace === undefined)
    throw badRequest('an object of a namespace must be sent to the path of that namespace');
  if (metadata.namespace !== undefined && metadata.namespace !== namespace)
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  const found =
    metadata.name || (metadata.generateName === undefined ? '' : generatedName(metadata.generateName));
  const chosen = found === '' ? (name ?? '') : found;
  if (name !== undefined && name !== chosen)
    throw badRequest(`the name of the object (${chosen}) does not match the name on the URL (${name})`);
  if (!/^[a-z0-9A-Z]([-a-z0-9A-Z.:_]*[a-z0-9A-Z])?$/.test(chosen))
    throw invalid(`${resource.kind} "${chosen}" is invalid: metadata.name: name or generateName is required`);
  return {
    ...object,
    metadata: { ...metadata, name: chosen, ...(namespace === undefined ? {} : { namespace }) },
  };
}

/** Read from etcd when the copy does not know it: it may have been made a moment ago. */
async function demandNamespace({ caches, storage }: Core, { namespace }: ResourceRequest): Promise<void> {
  if (namespace === undefined) return;
  const spaces = resourceOf('namespaces');
  const found = caches.namespaces.get(namespace) ?? (await storage.find(spaces, undefined, namespace));
  if (!found) throw notFound(spaces, namespace);
  if (found.metadata.deletionTimestamp !== undefined)
    throw forbidden(`unable to create new content in namespace ${namespace} because it is being terminated`);
}

function isDryRun({ query }: ResourceRequest): boolean {
  const value = query.get('dryRun');
  if (value !== null && value !== 'All') throw badRequest(`dryRun: found ${value}; expected All`);
  return value === 'All';
}

function checkSame(resource: Resource, found: KubeObject, wanted: KubeObject): void {
  const { name, uid } = wanted.metadata;
  if (name !== found.metadata.name) throw invalid(`metadata.name: field is immutable`);
  if (uid !== undefined && uid !== found.metadata.uid)
    throw conflict(
      resource,
      name,
      `UID in precondition: ${uid}, UID in object meta: ${found.metadata.uid ?? ''}`,
    );
}

/** What nobody can change by an update. */
function keptMetadata(found: KubeObject, wanted: KubeObject): KubeObject['metadata'] {
  const {
    name,
    namespace,
    uid,
    creationTimestamp,
    deletionTimestamp,
    deletionGracePeriodSeconds,
    generation,
  } = found.metadata;
  const fixed = {
    name,
    namespace,
    uid,
    creationTimestamp,
    deletionTimestamp,
    deletionGracePeriodSeconds,
    generation,
  };
  return JSON.parse(JSON.stringify({ ...wanted.metadata, ...fixed })) as KubeObject['metadata'];
}

function onlyStatus(found: KubeObject, wanted: KubeObject): KubeObject {
  return { ...found, metadata: keptMetadata(found, wanted), status: wanted['status'] };
}

function allButStatus({ subresources }: Resource, found: KubeObject, wanted: KubeObject): KubeObject {
  const object: KubeObject = { ...wanted, metadata: keptMetadata(found, wanted) };
  if (!subresources.includes('status')) return object;
  const rest = without(object, 'status') as KubeObject;
  return found['status'] === undefined ? rest : { ...rest, status: found['status'] };
}

function counted(resource: Resource, found: KubeObject, wanted: KubeObject): KubeObject {
  if (!resource.counted || isDeepStrictEqual(found['spec'], wanted['spec'])) return wanted;
  const generation = (found.metadata.generation ?? 0) + 1;
  return { ...wanted, metadata: { ...wanted.metadata, generation } };
}
