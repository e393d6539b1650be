import type { KubeObject } from '../kube/objects.js';
import type { Resource } from '../kube/resources.js';
import { badRequest } from './api-error.js';

export type Selector = (object: KubeObject) => boolean;

interface Requirement {
  readonly key: string;
  readonly holds: (value: string | undefined) => boolean;
}

/** What a list or a watch is narrowed to. @throws ApiError 400 for a selector or a field that is not known */
export function selectorOf(resource: Resource, query: URLSearchParams): Selector {
  const labels = parseLabels(query.get('labelSelector') ?? '');
  const fields = parseFields(resource, query.get('fieldSelector') ?? '');
  return (object) =>
    labels.every(({ key, holds }) => holds(object.metadata.labels?.[key])) &&
    fields.every(({ key, holds }) => holds(fieldOf(object, key)));
}

/** The one name that a list is narrowed to, if it is: RBAC looks at it. */
export function selectedName(query: URLSearchParams): string | undefined {
  return /(?:^|,)metadata\.name==?([^,!=]+)/.exec(query.get('fieldSelector') ?? '')?.[1];
}

/** Fields that can be selected by, besides name and namespace (source: each resource's strategy in 1.20). */
const selectable: Readonly<Record<string, readonly string[]>> = {
  pods: [
    'spec.nodeName',
    'spec.restartPolicy',
    'spec.schedulerName',
    'spec.serviceAccountName',
    'status.phase',
  ],
  secrets: ['type'],
  nodes: ['spec.unschedulable'],
  namespaces: ['status.phase'],
  events: ['involvedObject.kind', 'involvedObject.name', 'involvedObject.namespace', 'reason', 'type'],
  certificatesigningrequests: ['spec.signerName'],
};

function parseFields({ plural }: Resource, text: string): Requirement[] {
  return text
    .split(',')
    .filter(Boolean)
    .map((term) => {
      const [, key = '', operator = '', value = ''] = /^([^=!]+)(==?|!=)(.*)$/.exec(term) ?? [];
      const known = ['metadata.name', 'metadata.namespace', ...(selectable[plural] ?? [])];
      if (!known.includes(key)) throw badRequest(`field label not supported: ${term}`);
      return { key, holds: (found = '') => (operator === '!=' ? found !== value : found === value) };
    });
}

function fieldOf(object: KubeObject, path: string): string | undefined {
  const value = path
    .split('.')
    .reduce<unknown>((inner, key) => (inner as Record<string, unknown> | undefined)?.[key], object);
  return typeof value === 'string' ? value : value === undefined ? undefined : JSON.stringify(value);
}

/** `a=b`, `a==b`, `a!=b`, `a in (b,c)`, `a notin (b)`, `a`, `!a`, with commas between. */
function parseLabels(text: string): Requirement[] {
  const terms = text.match(/(?:[^,(]|\([^)]*\))+/g) ?? [];
  return terms.map((term) => parseLabel(term.trim()));
}

function parseLabel(term: string): Requirement {
  const set = /^(\S+) +(in|notin) +\(([^)]*)\)$/.exec(term);
  if (set) {
    const [, key = '', operator, list = ''] = set;
    const values = list.split(',').map((value) => value.trim());
    return { key, holds: (found) => (found !== undefined && values.includes(found)) === (operator === 'in') };
  }
  const [, not, key = '', operator, value] = /^(!?)([A-Za-z0-9._/-]+)(?:(==?|!=)([^=!]*))?$/.exec(term) ?? [];
  if (key === '') throw badRequest(`label selector: ${term} is not understood`);
  if (operator === undefined) return { key, holds: (found) => (found === undefined) === (not === '!') };
  return { key, holds: (found) => (found === value) === (operator !== '!=') };
}
