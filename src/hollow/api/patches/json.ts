import { isDeepStrictEqual } from 'node:util';
import { badRequest, invalid } from '../api-error.js';
import { isObject } from './merge.js';

interface Operation {
  readonly op: string;
  readonly path: string;
  readonly value?: unknown;
}

/** RFC 6902 with `add`, `remove`, `replace` and `test`. A failed test is a 422, as in Kubernetes. */
export function applyJsonPatch(target: unknown, patch: unknown): unknown {
  if (!Array.isArray(patch)) throw badRequest('JSON patch: found no array; expected one of operations');
  return (patch as Operation[]).reduce(applied, structuredClone(target));
}

function applied(document: unknown, { op, path, value }: Operation): unknown {
  const keys = path.split('/').slice(1).map(unescaped);
  const last = keys.pop();
  if (last === undefined) throw badRequest('JSON patch: operations on the whole document are not known here');
  const parent = keys.reduce<unknown>((inner, key) => childOf(inner, key, path), document);
  change(parent, last, { op, path, value });
  return document;
}

const unescaped = (key: string): string => key.replaceAll('~1', '/').replaceAll('~0', '~');

function childOf(parent: unknown, key: string, path: string): unknown {
  const child = Array.isArray(parent)
    ? (parent as unknown[])[Number(key)]
    : isObject(parent)
      ? parent[key]
      : undefined;
  if (child === undefined)
    throw invalid(`the server rejected our request: JSON patch path ${path} does not exist`);
  return child;
}

function change(parent: unknown, key: string, { op, path, value }: Operation): void {
  if (op === 'test') {
    if (!isDeepStrictEqual(childOf(parent, key, path), value))
      throw invalid(`the server rejected our request: testing value ${path} failed`);
    return;
  }
  if (op !== 'add') childOf(parent, key, path);
  if (op !== 'add' && op !== 'replace' && op !== 'remove')
    throw badRequest(`JSON patch: operation ${op} is not known here`);
  if (Array.isArray(parent)) changeArray(parent, key, op, value);
  else if (!isObject(parent)) throw invalid(`JSON patch: ${path} lies in no object`);
  else if (op === 'remove') Reflect.deleteProperty(parent, key);
  else parent[key] = value;
}

function changeArray(array: unknown[], key: string, op: 'add' | 'replace' | 'remove', value: unknown): void {
  const index = key === '-' ? array.length : Number(key);
  if (!Number.isInteger(index) || index < 0 || index > array.length)
    throw invalid(`JSON patch: index ${key} lies outside of the array`);
  if (op === 'add') array.splice(index, 0, value);
  else if (op === 'replace') array.splice(index, 1, value);
  else array.splice(index, 1);
}
