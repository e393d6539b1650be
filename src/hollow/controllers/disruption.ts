import { fits, keyOf, type KubeObject, type LabelSelector } from '../kube/objects.js';
import type { Controller, ControllerContext, Watched } from './context.js';
import { isActive, isReady, share, writeStatus, type Pod } from './pods.js';
import type { Outcome } from './work-queue.js';

const plural = 'poddisruptionbudgets';

interface Budget extends KubeObject {
  spec: {
    selector?: LabelSelector;
    minAvailable?: number | string;
    maxUnavailable?: number | string;
  };
}

/** How many pods of each PodDisruptionBudget may be evicted now. */
export const disruption: Controller = (context) => {
  const pods = context.watch<Pod>('pods', (now, before) => {
    for (const budget of budgets.all)
      if ([now, before].some((pod) => pod && isOf(budget, pod))) queue.add(keyOf(budget));
  });
  const queue = context.queue('disruption', (key) => reconcile(context, budgets, pods, key));
  const budgets: Watched<Budget> = context.watch<Budget>(plural, (now) => {
    if (now) queue.add(keyOf(now));
  });
};

function isOf({ metadata, spec }: Budget, pod: Pod): boolean {
  return metadata.namespace === pod.metadata.namespace && fits(pod.metadata.labels, spec.selector);
}

async function reconcile(
  context: ControllerContext,
  budgets: Watched<Budget>,
  pods: Watched<Pod>,
  key: string,
): Promise<Outcome> {
  const budget = budgets.get(key);
  if (!budget) return undefined;
  const own = pods.all.filter((pod) => isOf(budget, pod) && isActive(pod));
  const healthy = own.filter(isReady).length;
  const { minAvailable, maxUnavailable } = budget.spec;
  const desired =
    maxUnavailable === undefined
      ? share(minAvailable, own.length, 'up')
      : own.length - share(maxUnavailable, own.length, 'up');
  await writeStatus(context, plural, budget, {
    observedGeneration: budget.metadata.generation,
    expectedPods: own.length,
    currentHealthy: healthy,
    desiredHealthy: Math.max(0, desired),
    disruptionsAllowed: Math.max(0, healthy - desired),
  });
  return undefined;
}
