import type { KubeObject } from '../kube/objects.js';
import { groupVersionOf, type Resource } from '../kube/resources.js';
import { without } from '../kube/without.js';
import { badRequest } from './api-error.js';
import type { Call, Core, Reply } from './core.js';
import { allowOnly } from './request-info.js';
import { selectorOf } from './selectors.js';

/** One object, from etcd's quorum whatever `resourceVersion` says. */
export async function getObject({ storage }: Core, { info }: Call): Promise<Reply> {
  allowOnly(info.query, 'resourceVersion', 'timeout');
  return { status: 200, body: await storage.get(info.resource, info.namespace, info.name ?? '') };
}

/**
 * A list, from etcd's quorum whatever `resourceVersion` says. With `limit` it comes in pages in the order of the keys; later
 * pages are of now, not of the first page's moment as in the real one.
 */
export async function listObjects({ storage }: Core, { info }: Call): Promise<Reply> {
  const { resource, namespace, query } = info;
  allowOnly(
    query,
    ...['labelSelector', 'fieldSelector', 'limit', 'continue', 'resourceVersion', 'resourceVersionMatch'],
    ...['timeout', 'timeoutSeconds', 'watch', 'allowWatchBookmarks'],
  );
  const selected = selectorOf(resource, query);
  const { revision, objects } = await storage.list(resource, namespace);
  const found = objects.filter(selected);
  const { items, next } = page(found, query);
  return {
    status: 200,
    body: {
      kind: `${resource.kind}List`,
      apiVersion: groupVersionOf(resource),
      metadata: { resourceVersion: String(revision), ...(next === undefined ? {} : { continue: next }) },
      items: items.map(withoutType),
    },
  };
}

function page(
  found: readonly KubeObject[],
  query: URLSearchParams,
): { items: readonly KubeObject[]; next?: string } {
  const limit = Number(query.get('limit') ?? 0);
  if (!Number.isInteger(limit) || limit < 0) throw badRequest(`limit: found ${query.get('limit') ?? ''}`);
  const after = decode(query.get('continue'));
  const rest =
    after === undefined ? found : found.slice(found.findIndex((each) => orderOf(each) === after) + 1);
  const last = limit === 0 ? undefined : rest[limit - 1];
  if (last === undefined || rest.length <= limit) return { items: rest };
  return { items: rest.slice(0, limit), next: Buffer.from(orderOf(last)).toString('base64url') };
}

function decode(token: string | null): string | undefined {
  return token === null || token === '' ? undefined : Buffer.from(token, 'base64url').toString('utf8');
}

const orderOf = ({ metadata }: KubeObject): string => `${metadata.namespace ?? ''}/${metadata.name}`;

/** In lists the real one leaves out what the list says itself. */
function withoutType(object: KubeObject): object {
  return without(object, 'kind', 'apiVersion');
}

/** Kind and version as this resource has them, whatever was stored. */
export function typed(resource: Resource, object: KubeObject): KubeObject {
  return { ...object, kind: resource.kind, apiVersion: groupVersionOf(resource) };
}
