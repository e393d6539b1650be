import type { KubeClient, KubeObject } from '../adapters/kube/types.js';
import type { Journal } from '../execute/journal.js';
import { messageOf } from './reach.js';

const path = '/apis/apps/v1/namespaces/kube-system/deployments/cluster-autoscaler';
const id = 'cluster-autoscaler';

interface Deployment extends KubeObject {
  spec?: { replicas?: number };
}

/** What of a session this needs. */
export interface AutoscalerSession {
  readonly kube: () => KubeClient;
  readonly state: { readonly journal: Journal };
  readonly note: (text: string) => void;
}

/**
 * Scales cluster-autoscaler to 0, so that no node comes or goes while all are rotated. Its replica count is written down
 * before that, and a count that an earlier run wrote down and did not give back counts. Does nothing without an autoscaler,
 * or with one that is at 0 already. May be called again.
 */
export async function pauseAutoscaler({ kube, state, note }: AutoscalerSession): Promise<void> {
  const found = await kube().request('GET', path);
  if (found.status === 404) return;
  const deployment = await kube().get<Deployment>(path);
  const replicas = deployment.spec?.replicas ?? 1;
  if (owed(state.journal) === undefined) {
    if (replicas === 0) return;
    state.journal.append('fact', id, { paused: replicas });
  }
  await scale(kube(), 0);
  note(
    `cluster-autoscaler is paused, and gets its ${owed(state.journal) ?? replicas} replica(s) back at the end; ` +
      'the template from which it makes nodes still holds the old certificates, so nodes that it adds after the rotation do not work until `aks-engine upgrade` has renewed the template',
  );
}

/**
 * Gives the autoscaler the count back that this rotation took, however the run ended. An error is told with the command
 * that does it by hand, and the next run tries again. May be called again.
 */
export async function resumeAutoscaler({ kube, state, note }: AutoscalerSession): Promise<void> {
  const replicas = owed(state.journal);
  if (replicas === undefined) return;
  try {
    await scale(kube(), replicas);
    state.journal.append('fact', id, { resumed: replicas });
    note(`cluster-autoscaler has its ${replicas} replica(s) back`);
  } catch (error) {
    note(
      `cluster-autoscaler is still at 0 (${messageOf(error)}); the same command gives it ${replicas} replica(s) back, or: ` +
        `kubectl -n kube-system scale deployment cluster-autoscaler --replicas=${replicas}`,
    );
  }
}

/** The count that was taken and not given back. */
function owed({ records }: Journal): number | undefined {
  const last = records.findLast((record) => record.type === 'fact' && record.id === id);
  return (last?.details as { paused?: number } | undefined)?.paused;
}

async function scale(kube: KubeClient, replicas: number): Promise<void> {
  await kube.patch(path, { spec: { replicas } }, 'merge');
}
