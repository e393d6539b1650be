import { resources, reviews, type Resource } from '../kube/resources.js';
import { ApiError, badRequest, noSuchPath, notModelled } from './api-error.js';

export type Verb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete' | 'deletecollection';

/** A request for a path that names no resource, such as `/readyz`. */
export interface PlainRequest {
  readonly kind: 'plain';
  readonly verb: string;
  readonly path: string;
  readonly query: URLSearchParams;
}

export interface ResourceRequest {
  readonly kind: 'resource';
  readonly verb: Verb;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly resource: Resource;
  readonly namespace: string | undefined;
  /** Undefined for a whole collection. */
  readonly name: string | undefined;
  readonly subresource: string | undefined;
}

/** A request for a group that this server may hand on to an aggregated one. */
export interface GroupRequest {
  readonly kind: 'group';
  readonly verb: string;
  readonly path: string;
  readonly group: string;
  readonly version: string;
}

export type RequestInfo = PlainRequest | ResourceRequest | GroupRequest;

/** What is asked, by method and path. @throws ApiError 404 for a path and 405 for a method that do not exist */
export function requestInfo(method: string, url: string): RequestInfo {
  const { pathname: path, searchParams: query } = new URL(url, 'https://server');
  const [root, ...parts] = path.split('/').filter(Boolean).map(decodeURIComponent);
  if (root !== 'api' && root !== 'apis') return { kind: 'plain', verb: method.toLowerCase(), path, query };
  const group = root === 'api' ? '' : parts.shift();
  const version = parts.shift();
  if (group === undefined || version === undefined)
    return { kind: 'plain', verb: method.toLowerCase(), path, query };
  const known = [...resources, ...reviews].filter((each) => each.group === group && each.version === version);
  if (known.length === 0) return { kind: 'group', verb: method.toLowerCase(), path, group, version };
  if (parts.length === 0) return { kind: 'plain', verb: method.toLowerCase(), path, query };
  return { ...find(known, parts), verb: verbOf(method, query, target(parts)), kind: 'resource', path, query };
}

interface Target {
  readonly namespace: string | undefined;
  readonly plural: string;
  readonly name: string | undefined;
  readonly subresource: string | undefined;
}

/** `/namespaces/x` is a namespace itself, `/namespaces/x/pods` what lies in it. */
function target(parts: readonly string[]): Target {
  const [first = '', second, third, fourth, fifth] = parts;
  const ofNamespace = third === 'status' || third === 'finalize';
  if (first === 'namespaces' && third !== undefined && !ofNamespace)
    return { namespace: second, plural: third, name: fourth, subresource: fifth };
  return { namespace: undefined, plural: first, name: second, subresource: third };
}

function find(
  known: readonly Resource[],
  parts: readonly string[],
): Pick<ResourceRequest, 'resource' | 'namespace' | 'name' | 'subresource'> {
  const { namespace, plural, name, subresource } = target(parts);
  const resource = known.find((each) => each.plural === plural);
  if (!resource) throw noSuchPath();
  if (resource.namespaced ? namespace === undefined && name !== undefined : namespace !== undefined)
    throw noSuchPath();
  if (subresource !== undefined && !resource.subresources.includes(subresource))
    throw notModelled(`subresource ${plural}/${subresource}`);
  return { resource, namespace, name, subresource };
}

function verbOf(method: string, query: URLSearchParams, { name }: Target): Verb {
  const one = name !== undefined;
  switch (method) {
    case 'GET':
      if (isTrue(query.get('watch'))) {
        if (one)
          throw badRequest('watch of one object by its path; expected a collection with a fieldSelector');
        return 'watch';
      }
      return one ? 'get' : 'list';
    case 'POST':
      return 'create';
    case 'PUT':
    case 'PATCH':
      if (!one) throw methodNotAllowed(method);
      return method === 'PUT' ? 'update' : 'patch';
    case 'DELETE':
      return one ? 'delete' : 'deletecollection';
    default:
      throw methodNotAllowed(method);
  }
}

export function isTrue(value: string | null): boolean {
  return value === '1' || value === 'true';
}

function methodNotAllowed(method: string): ApiError {
  return new ApiError(405, 'MethodNotAllowed', `method ${method} is not allowed here`);
}

/** @throws ApiError 400 for an option that is not known here: a typing mistake must not pass unseen */
export function allowOnly(query: URLSearchParams, ...known: readonly string[]): void {
  const unknown = [...query.keys()].filter((key) => !known.includes(key) && key !== 'pretty');
  if (unknown.length > 0) throw badRequest(`query option ${unknown.join(', ')}: is not known here`);
}
