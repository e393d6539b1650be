import pMap from 'p-map';
import { apiTime } from './api-time.js';
import { brokenBefore } from './broken-workloads.js';
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

/** A rollout that takes longer makes room for the next one. */
const turnMs = 60_000;
const lookEveryMs = 1000;
const beginEveryMs = 1000;
/** What begins in that time, as a part of the nodes: a rollout is felt a moment after it was asked for. */
const beginPart = 0.2;

/**
 * Restarts workloads as `kubectl rollout restart` does, each within its own update strategy, as many at a time as there are
 * nodes to start their pods, a fifth of that in a second and none while the API is slow, and waits for them, but not for those that did not work before: they may never. If pods of
 * such a one stay with the old trust, `await-orphan-pods` names them before anything is distrusted. Called again it does
 * not restart a second time what this rotation restarted.
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
  const broken = new Map(await brokenBefore(`${step.id}/broken`, wanted, context));
  for (const [name, state] of broken)
    context.note(`${name} did not work before its restart (${state}): nothing waits for it`);
  const rollouts = new Rollouts(wanted, broken, first, context);
  await waitFor('restarted workloads are available', () => rollouts.goOn(), {
    timeoutMs: context.waitWorkloadsMs,
    everyMs: lookEveryMs,
    stop: context.stop,
  });
  return { freshSince: since, workloads: wanted.map(workloadName), broken: [...broken.keys()] };
};

async function restart(workload: Workload, at: string, { kube }: StepContext): Promise<void> {
  if (workload.spec.template.metadata?.annotations?.[restartedAt] === at) return;
  await kube().patch(workloadPath(workload), {
    spec: { template: { metadata: { annotations: { [restartedAt]: at } } } },
  });
}

interface Late {
  readonly name: string;
  /** What is missing. */
  readonly state: string;
}

/** Restarts that follow each other: the next ones begin when those before are rolled out, or have had their turn. */
class Rollouts {
  readonly #queue: Workload[];
  /** When each began, ms of `performance.now()`, by name; without those that nothing waits for. */
  readonly #begun = new Map<string, number>();

  constructor(
    wanted: readonly Workload[],
    private readonly broken: ReadonlyMap<string, string>,
    private readonly at: string,
    private readonly context: StepContext,
  ) {
    this.#queue = [...wanted];
  }

  /** Begins what there is room for. True when all are rolled out that are waited for, else what is missing. */
  async goOn(): Promise<true | string> {
    if (this.#queue.length > 0) await this.#beginSome();
    if (this.#queue.length > 0) return `${this.#queue.length} are still to be restarted`;
    const texts = (await this.#late()).map(({ name, state }) => `${name}: ${state}`);
    return texts.length === 0 ? true : texts.slice(0, 5).join('; ');
  }

  async #beginSome(): Promise<void> {
    const late = this.#begun.size === 0 ? [] : await this.#late();
    const inTurn = late.filter(({ name }) => performance.now() - (this.#begun.get(name) ?? 0) < turnMs);
    const nodes = this.context.nodes().length;
    const room = Math.min(Math.max(2, nodes) - inTurn.length, Math.max(1, Math.floor(nodes * beginPart)));
    const feltMs = beginEveryMs / Math.max(1, Math.floor(nodes * beginPart));
    for (const workload of this.#queue.slice(0, Math.max(0, room))) {
      await this.#begin(workload, feltMs);
      this.#queue.shift();
    }
  }

  async #begin(workload: Workload, feltMs: number): Promise<void> {
    await this.context.calm(feltMs);
    await restart(workload, this.at, this.context);
    const name = workloadName(workload);
    if (!this.broken.has(name)) this.#begun.set(name, performance.now());
  }

  /** Those that have begun and are not rolled out; their ended pods are let go. */
  async #late(): Promise<Late[]> {
    const late = (await workloads(this.context)).flatMap((workload) => {
      const name = workloadName(workload);
      const state = this.#begun.has(name) ? rolledOut(workload) : true;
      return state === true ? [] : [{ workload, name, state }];
    });
    await pMap(late, ({ workload }) => letEndedPodsGo(workload, this.context), { concurrency: 4 });
    return late;
  }
}
