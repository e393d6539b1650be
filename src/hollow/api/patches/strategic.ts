import { badRequest, notModelled } from '../api-error.js';
import { isObject, type JsonObject } from './merge.js';

/**
 * By which field the elements of a list are told apart (source: `patchMergeKey` in k8s.io/api 1.20). Lists that are not
 * here are replaced as a whole. Names are unique enough: no two types of the API differ in one of these.
 */
const mergeKeys: Readonly<Record<string, string>> = {
  addresses: 'type',
  conditions: 'type',
  containers: 'name',
  initContainers: 'name',
  env: 'name',
  volumes: 'name',
  volumeMounts: 'mountPath',
  ports: 'port',
  imagePullSecrets: 'name',
  secrets: 'name',
  ownerReferences: 'uid',
  hostAliases: 'ip',
  podIPs: 'ip',
};

/** Lists of plain values that are united, not replaced. */
const unions: ReadonlySet<string> = new Set(['finalizers']);

/**
 * A strategic merge patch, with `$patch: delete|replace`, `$setElementOrder/…` (the order is left as it is) and
 * `$retainKeys`. @throws ApiError for directives that are not known here
 */
export function strategicMerge(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) throw badRequest('strategic merge patch: expected an object');
  return mergeObject(isObject(target) ? target : {}, patch);
}

function mergeObject(target: JsonObject, patch: JsonObject): JsonObject {
  if (patch['$patch'] === 'replace') return withoutDirectives(patch);
  const retained = patch['$retainKeys'] as string[] | undefined;
  const kept = Object.entries(target).filter(([key]) => retained?.includes(key) !== false);
  const result = Object.fromEntries(kept);
  for (const [key, value] of Object.entries(patch)) {
    if (isDirective(key)) continue;
    if (value === null) Reflect.deleteProperty(result, key);
    else result[key] = mergeValue(key, result[key], value);
  }
  return result;
}

function mergeValue(key: string, target: unknown, patch: unknown): unknown {
  if (isObject(patch)) return mergeObject(isObject(target) ? target : {}, patch);
  if (!Array.isArray(patch)) return patch;
  const found: unknown[] = Array.isArray(target) ? target : [];
  if (unions.has(key)) return [...new Set([...found, ...(patch as unknown[])])];
  const mergeKey = mergeKeyOf(key, patch);
  return mergeKey === undefined ? patch : mergeList(found, patch, mergeKey);
}

/** Ports of containers are told apart by another field than those of Services. */
function mergeKeyOf(key: string, patch: readonly unknown[]): string | undefined {
  if (key !== 'ports') return mergeKeys[key];
  return patch.some((each) => isObject(each) && 'containerPort' in each) ? 'containerPort' : mergeKeys[key];
}

function mergeList(found: readonly unknown[], patch: readonly unknown[], mergeKey: string): unknown[] {
  const result = [...found] as JsonObject[];
  if (patch.some((each) => isObject(each) && each['$patch'] === 'replace' && Object.keys(each).length === 1))
    return patch.filter((each) => isObject(each) && each['$patch'] === undefined);
  for (const each of patch) {
    if (!isObject(each) || each[mergeKey] === undefined)
      throw badRequest(`strategic merge patch: an element of a list lacks its key ${mergeKey}`);
    const index = result.findIndex((element) => element[mergeKey] === each[mergeKey]);
    if (each['$patch'] === 'delete') {
      if (index >= 0) result.splice(index, 1);
    } else if (index >= 0) result[index] = mergeObject(result[index] ?? {}, each);
    else result.push(withoutDirectives(each));
  }
  return result;
}

function isDirective(key: string): boolean {
  if (key === '$patch' || key === '$retainKeys' || key.startsWith('$setElementOrder/')) return true;
  if (key.startsWith('$')) throw notModelled(`the directive ${key} of a strategic merge patch`);
  return false;
}

function withoutDirectives(patch: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(patch).filter(([key]) => !isDirective(key)));
}
