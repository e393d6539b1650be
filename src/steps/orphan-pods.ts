import type { StepOf } from '../model/plan.js';
import type { StepContext, StepRunner } from './context.js';
import { StoppedError } from '../execute/stop.js';
import { freshSince } from './api-time.js';
import { containersEnded } from './ended-pods.js';
import { keyOf, tokenSecrets } from './service-account-tokens.js';
import { holdsNodeCredentials, holdsToken, type Pod } from './workloads.js';
import { waitFor } from './wait.js';

/** Pods that were started with the side that goes are still there after the wait: it would cut them off. */
export class PodsRemainError extends Error {
  constructor(readonly pods: readonly string[]) {
    super(
      `${pods.length} pods still hold the trust or a token of the side that goes, and nothing has recreated them: ${pods.join(', ')}; ` +
        'restart or delete them, then run the same command again to go on',
    );
    this.name = 'PodsRemainError';
  }
}

/** Waits until no running pod is older than what it holds: tokens and trust, or its node's certificates. */
export const awaitOrphanPods: StepRunner<'await-orphan-pods'> = async (step, context) => {
  if (step.told) {
    const pods = await stalePods(step, context);
    for (const pod of pods)
      context.note(
        `pod ${pod}: holds trust or a token of before, and nothing recreates it; delete it, or restart it`,
      );
    return { pods };
  }
  let remaining: string[] = [];
  const look = async (): Promise<true | string> => {
    remaining = await stalePods(step, context);
    return remaining.length === 0 ? true : remaining.join(', ');
  };
  try {
    await waitFor('pods that nothing recreates are newer than the new trust', look, {
      timeoutMs: context.waitWorkloadsMs,
      everyMs: 1000,
      stop: context.stop,
    });
  } catch (cause) {
    if (remaining.length === 0 || cause instanceof StoppedError) throw cause;
    throw new PodsRemainError(remaining);
  }
  return {};
};

/**
 * Running pods (`namespace/name`) that were created before the right trust, or before their node's right certificates,
 * and after the moment from which there was another.
 */
async function stalePods(step: StepOf<'await-orphan-pods'>, context: StepContext): Promise<string[]> {
  const trustSince = Date.parse(freshSince(context, step.tokensStep));
  const filesSince = Date.parse(freshSince(context, step.filesStep));
  const from = Date.parse(step.from ?? new Date(0).toISOString());
  const secrets = new Set((await tokenSecrets(context)).map(keyOf));
  const pods = await context.kube().list<Pod>('/api/v1/pods');
  return pods
    .filter((pod) => isRunning(pod) && createdAt(pod) >= from && createdAt(pod) < needed(pod))
    .map(keyOf);

  function needed(pod: Pod): number {
    if (holdsNodeCredentials(pod.spec, context.layout)) return filesSince;
    return holdsToken(pod, secrets) ? trustSince : 0;
  }
}

function createdAt({ metadata }: Pod): number {
  return Date.parse(metadata.creationTimestamp ?? '');
}

/** Static pods are restarted by file; what has ended holds nothing. */
function isRunning(pod: Pod): boolean {
  const { metadata, status } = pod;
  const isStatic = metadata.annotations?.['kubernetes.io/config.mirror'] !== undefined;
  const isOver = status?.phase === 'Succeeded' || status?.phase === 'Failed' || containersEnded(pod);
  return !isStatic && !isOver;
}
