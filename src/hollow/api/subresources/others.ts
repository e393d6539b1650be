import { badRequest } from '../api-error.js';
import type { Call, Core, Reply } from '../core.js';
import type { KubeObject } from '../../kube/objects.js';

/** `namespaces/finalize`: the namespace controller takes its finalizer out; without any the namespace goes. */
export async function finalizeNamespace({ storage }: Core, { info, body }: Call): Promise<Reply> {
  const { finalizers = [] } = ((body as Partial<KubeObject> | undefined)?.['spec'] ?? {}) as {
    finalizers?: string[];
  };
  const changed = await storage.change(info.resource, undefined, info.name ?? '', (found) => ({
    ...found,
    spec: { ...(found['spec'] as object), finalizers },
  }));
  if (changed.metadata.deletionTimestamp === undefined || finalizers.length > 0)
    return { status: 200, body: changed };
  return { status: 200, body: await storage.remove(info.resource, changed) };
}

/** `certificatesigningrequests/approval`: only the conditions are taken. */
export async function approve({ storage }: Core, { info, body }: Call): Promise<Reply> {
  const { status } = body as { status?: { conditions?: unknown } };
  if (!Array.isArray(status?.conditions)) throw badRequest('approval: status.conditions is missing');
  const { conditions } = status;
  const changed = await storage.change(info.resource, undefined, info.name ?? '', (found) => ({
    ...found,
    status: { ...(found['status'] as object | undefined), conditions },
  }));
  return { status: 200, body: changed };
}
