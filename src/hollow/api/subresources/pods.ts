import type { KubeObject } from '../../kube/objects.js';
import { resourceOf } from '../../kube/resources.js';
import { ApiError, badRequest, conflict } from '../api-error.js';
import type { Call, Core, Reply } from '../core.js';
import { removeObject } from '../remove.js';
import { fits, type LabelSelector } from '../../kube/objects.js';

const pods = resourceOf('pods');
const success = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success' };

/** `pods/binding`: the scheduler's choice of a node, once. */
export async function bind({ storage }: Core, { info, body }: Call): Promise<Reply> {
  const node = (body as { target?: { name?: string } } | undefined)?.target?.name;
  if (node === undefined) throw badRequest('Binding: target.name is missing');
  const name = info.name ?? '';
  await storage.change(pods, info.namespace, name, (pod) => {
    const spec = pod['spec'] as { nodeName?: string };
    if (pod.metadata.deletionTimestamp !== undefined)
      throw conflict(pods, name, `pod ${name} is being deleted, cannot be assigned to a host`);
    if (spec.nodeName !== undefined)
      throw conflict(pods, name, `pod ${name} is already assigned to node "${spec.nodeName}"`);
    return { ...pod, spec: { ...spec, nodeName: node } };
  });
  return { status: 201, body: { ...success, code: 201 } };
}

interface Budget extends KubeObject {
  spec: { selector?: LabelSelector };
  status?: { disruptionsAllowed?: number };
}

/** `pods/eviction`: a deletion that every PodDisruptionBudget of the pod allows. @throws ApiError 429 */
export async function evict(core: Core, { info }: Call): Promise<Reply> {
  const budgets = resourceOf('poddisruptionbudgets');
  const pod = await core.storage.get(pods, info.namespace, info.name ?? '');
  const { objects } = await core.storage.list(budgets, info.namespace);
  const own = (objects as readonly Budget[]).filter(({ spec }) => fits(pod.metadata.labels, spec.selector));
  if (own.length > 1)
    throw new ApiError(500, 'InternalError', 'This pod has more than one PodDisruptionBudget');
  for (const { metadata } of own)
    await core.storage.change(budgets, metadata.namespace, metadata.name, (budget) =>
      taken(budget as Budget),
    );
  await removeObject(core, pods, pod, {});
  return { status: 201, body: { ...success, code: 201 } };
}

function taken(budget: Budget): Budget {
  const allowed = budget.status?.disruptionsAllowed ?? 0;
  if (allowed < 1)
    throw new ApiError(
      429,
      'TooManyRequests',
      "Cannot evict pod as it would violate the pod's disruption budget.",
    );
  return { ...budget, status: { ...budget.status, disruptionsAllowed: allowed - 1 } };
}
