import { byToken } from './authenticate.js';
import { isAllowed, type Action } from './authorize.js';
import { authenticated, type User } from './identity.js';
import type { Call, Core, Reply } from './core.js';
import { badRequest } from './api-error.js';

/** Questions that are answered and not stored: whose token is this, may somebody do that. */
export function review(core: Core, { info, body }: Call): Reply {
  const asked = body as { spec?: object; apiVersion?: string } | undefined;
  if (asked?.spec === undefined) throw badRequest(`${info.resource.kind}: spec is missing`);
  const status =
    info.resource.plural === 'tokenreviews' ? tokenStatus(core, asked.spec) : accessStatus(core, asked.spec);
  return { status: 201, body: { ...asked, metadata: {}, status } };
}

function tokenStatus(core: Core, { token }: { token?: string }): object {
  const user = byToken(token, core.tokens, core.caches);
  if (!user) return { authenticated: false };
  const { name: username, uid, groups } = authenticated(user);
  return { authenticated: true, user: { username, uid, groups }, audiences: [core.tokens.issuer] };
}

interface AccessSpec {
  readonly user?: string;
  readonly groups?: readonly string[];
  readonly resourceAttributes?: Readonly<Record<string, string | undefined>>;
  readonly nonResourceAttributes?: { readonly path: string; readonly verb: string };
}

function accessStatus(core: Core, spec: AccessSpec): object {
  const user: User = { name: spec.user ?? '', groups: spec.groups ?? [] };
  return { allowed: isAllowed(user, actionOf(spec), core.caches) };
}

function actionOf({ nonResourceAttributes, resourceAttributes: asked = {} }: AccessSpec): Action {
  if (nonResourceAttributes) return nonResourceAttributes;
  const { verb = '', group = '', resource = '', subresource, namespace, name } = asked;
  return {
    verb,
    group,
    resource: subresource === undefined || subresource === '' ? resource : `${resource}/${subresource}`,
    namespace: namespace === '' ? undefined : namespace,
    name,
  };
}
