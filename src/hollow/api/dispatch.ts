import { notModelled } from './api-error.js';
import type { Call, Core, Reply } from './core.js';
import { deleteCollection, deleteObject } from './remove.js';
import { getObject, listObjects } from './read.js';
import { review } from './reviews.js';
import { reviews } from '../kube/resources.js';
import { approve, finalizeNamespace } from './subresources/others.js';
import { bind, evict } from './subresources/pods.js';
import { requestToken } from './subresources/token.js';
import { createObject, patchObject, updateObject } from './write.js';

type Handler = (core: Core, call: Call) => Reply | Promise<Reply>;

const verbs: Readonly<Record<string, Handler>> = {
  get: getObject,
  list: listObjects,
  create: createObject,
  update: updateObject,
  patch: patchObject,
  delete: deleteObject,
  deletecollection: deleteCollection,
};

const subresources: Readonly<Record<string, Handler>> = {
  'get status': getObject,
  'update status': updateObject,
  'patch status': patchObject,
  'create pods/binding': bind,
  'create pods/eviction': evict,
  'create serviceaccounts/token': requestToken,
  'update namespaces/finalize': finalizeNamespace,
  'update certificatesigningrequests/approval': approve,
};

/** Does what a request for a resource asks for, but for watches. @throws ApiError */
export async function dispatch(core: Core, call: Call): Promise<Reply> {
  const { verb, subresource, resource } = call.info;
  const path = subresource === undefined ? resource.plural : `${resource.plural}/${subresource}`;
  return handlerOf(call, path, verb)(core, call);
}

function handlerOf({ info: { resource, subresource } }: Call, path: string, verb: string): Handler {
  const found = reviews.includes(resource)
    ? { create: review as Handler }[verb]
    : subresource === undefined
      ? verbs[verb]
      : (subresources[`${verb} ${path}`] ?? subresources[`${verb} ${subresource}`]);
  if (!found) throw notModelled(`verb ${verb} for ${path}`);
  return found;
}
