import type { KubeObject } from '../kube/objects.js';
import type { Cache } from './cache.js';
import { mastersGroup, type User } from './identity.js';
import { nodeRules } from './bootstrap-roles.js';
import type { PolicyRule } from './policy-rule.js';

/** What somebody wants to do. */
export type Action =
  | {
      readonly verb: string;
      readonly group: string;
      /** With the subresource: `pods/status`. */
      readonly resource: string;
      readonly namespace: string | undefined;
      readonly name: string | undefined;
    }
  | { readonly verb: string; readonly path: string };

export interface RoleCaches {
  readonly roles: Cache;
  readonly rolebindings: Cache;
  readonly clusterroles: Cache;
  readonly clusterrolebindings: Cache;
}

interface Binding extends KubeObject {
  roleRef: { kind: string; name: string };
  subjects?: { kind: string; name: string; namespace?: string }[];
}

/** `--authorization-mode=Node,RBAC`: nodes by a fixed list (not by which pods run on them), all others by RBAC. */
export function isAllowed(user: User, action: Action, caches: RoleCaches): boolean {
  if (user.groups.includes(mastersGroup)) return true;
  if (user.groups.includes('system:nodes') && nodeRules.some((rule) => covers(rule, action))) return true;
  const everywhere = (caches.clusterrolebindings.all as readonly Binding[])
    .filter((binding) => binds(binding, user))
    .flatMap((binding) => rulesOf(caches.clusterroles.get(binding.roleRef.name)));
  if (everywhere.some((rule) => covers(rule, action))) return true;
  if (!('resource' in action) || action.namespace === undefined) return false;
  const { namespace } = action;
  return (caches.rolebindings.all as readonly Binding[])
    .filter(({ metadata }) => metadata.namespace === namespace)
    .filter((binding) => binds(binding, user))
    .flatMap(({ roleRef }) =>
      rulesOf(
        roleRef.kind === 'Role'
          ? caches.roles.get(roleRef.name, namespace)
          : caches.clusterroles.get(roleRef.name),
      ),
    )
    .some((rule) => covers(rule, action));
}

function rulesOf(role: KubeObject | undefined): readonly PolicyRule[] {
  return (role?.['rules'] as PolicyRule[] | undefined) ?? [];
}

function binds({ subjects = [], metadata }: Binding, user: User): boolean {
  return subjects.some(({ kind, name, namespace = metadata.namespace }) => {
    if (kind === 'Group') return user.groups.includes(name);
    if (kind === 'User') return user.name === name;
    return user.name === `system:serviceaccount:${namespace ?? ''}:${name}`;
  });
}

function covers(rule: PolicyRule, action: Action): boolean {
  if (!has(rule.verbs, action.verb)) return false;
  if (!('resource' in action)) return (rule.nonResourceURLs ?? []).some((url) => fitsUrl(url, action.path));
  const { resourceNames = [] } = rule;
  return (
    has(rule.apiGroups, action.group) &&
    has(rule.resources, action.resource) &&
    (resourceNames.length === 0 || (action.name !== undefined && resourceNames.includes(action.name)))
  );
}

function has(all: readonly string[] = [], wanted: string): boolean {
  return all.includes('*') || all.includes(wanted);
}

function fitsUrl(pattern: string, path: string): boolean {
  return pattern.endsWith('*') ? path.startsWith(pattern.slice(0, -1)) : pattern === path;
}
