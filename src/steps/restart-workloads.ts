import pMap from 'p-map';
import { apiTime } from './api-time.js';
import type { StepContext, StepRunner } from './context.js';
import { letEndedPodsGo } from './ended-pods.js';
import {
  holdsNodeCredentials,
  restartsByHand,
  rolledOut,
  workloadName,
  workloadPath,
  workloads,
  type Workload,
} from './workloads.js';
import { waitFor } from './wait.js';

const restartedAt = 'kubectl.kubernetes.io/restartedAt';

/**
 * Restarts workloads as `kubectl rollout restart` does, all at once, each within its own update strategy, and waits for
 * them, but not for those that did not work before: they may never. If pods of such a one stay with the old trust,
 * `await-orphan-pods` names them before anything is distrusted. Called again it does not restart a second time what this
 * rotation restarted.
 */
export const restartWorkloads: StepRunner<'restart-workloads'> = async (step, context) => {
  const since = context.journal.remember(`${step.id}/since`, await apiTime(context));
  const first =
    context.journal.records.find((record) => record.type === 'intent' && record.id === step.id)?.at ?? since;
  const wanted = (await workloads(context)).filter(
    (workload) =>
      holdsNodeCredentials(workload.spec.template.spec, context.layout) ===
        (step.select === 'node-credentials') && !restartsByHand(workload),
  );
  const broken = new Map(context.journal.remember(`${step.id}/broken`, notRolledOut(wanted)));
  for (const [name, state] of broken)
    context.note(`${name} did not work before its restart (${state}): nothing waits for it`);
  await pMap(wanted, (workload) => restart(workload, first, context), { concurrency: 8 });
  const awaited = wanted.filter((workload) => !broken.has(workloadName(workload)));
  await waitFor('restarted workloads are available', () => allRolledOut(awaited, context), {
    timeoutMs: context.waitWorkloadsMs,
    everyMs: 1000,
    stop: context.stop,
  });
  return { freshSince: since, workloads: wanted.map(workloadName), broken: [...broken.keys()] };
};

/** Names of those that are not as they are wanted, each with what is missing. */
function notRolledOut(wanted: readonly Workload[]): [string, string][] {
  return wanted.flatMap((workload): [string, string][] => {
    const state = rolledOut(workload);
    return state === true ? [] : [[workloadName(workload), state]];
  });
}

async function restart(workload: Workload, at: string, { kube }: StepContext): Promise<void> {
  if (workload.spec.template.metadata?.annotations?.[restartedAt] === at) return;
  await kube().patch(workloadPath(workload), {
    spec: { template: { metadata: { annotations: { [restartedAt]: at } } } },
  });
}

async function allRolledOut(wanted: readonly Workload[], context: StepContext): Promise<true | string> {
  const names = new Set(wanted.map(workloadName));
  const late = (await workloads(context)).flatMap((workload) => {
    const state = names.has(workloadName(workload)) ? rolledOut(workload) : true;
    return state === true ? [] : [{ workload, state }];
  });
  await pMap(late, ({ workload }) => letEndedPodsGo(workload, context), { concurrency: 4 });
  const texts = late.map(({ workload, state }) => `${workloadName(workload)}: ${state}`);
  return texts.length === 0 ? true : texts.slice(0, 5).join('; ');
}
