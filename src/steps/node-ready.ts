import type { KubeObject } from '../adapters/kube/types.js';
import type { StepContext, StepRunner } from './context.js';
import { waitFor } from './wait.js';

interface Node extends KubeObject {
  status?: { conditions?: { type: string; status: string; message?: string; lastHeartbeatTime?: string }[] };
}

/** The node is Ready by a report of the kubelet that an earlier step started; then it leaves the guard. */
export const awaitReady: StepRunner<'await-ready'> = async (step, context) => {
  const record = context.journal.find('done', step.since);
  const { since = 0 } = (record?.details ?? {}) as { since?: number };
  // Whoever goes on after a crash has it outside the guard.
  if (step.guarded) await context.guard.enter(step.node);
  try {
    await readyAnew(context, step.node, (heartbeat) => Date.parse(heartbeat) / 1000 >= since);
  } finally {
    if (step.guarded) context.guard.leave(step.node);
  }
  return { node: step.node };
};

/**
 * Waits until a node is Ready by a report of its kubelet that `isNew` takes for one of the kubelet that runs now. A kubelet
 * reports when it has started, and after that for minutes only when something changes.
 */
export async function readyAnew(
  context: Pick<StepContext, 'kube'>,
  name: string,
  isNew: (heartbeat: string) => boolean,
): Promise<void> {
  await waitFor(
    `node ${name} is Ready`,
    async () => {
      const seen = await ready(context, name);
      if (seen === undefined || !isNew(seen.lastHeartbeatTime ?? ''))
        return 'its kubelet has not reported since';
      return seen.status === 'True' ? true : (seen.message ?? 'it is not Ready');
    },
    { timeoutMs: 300_000 },
  );
}

/** When a node's kubelet reported last, by its own clock, as the API says it. */
export async function lastHeartbeat(context: Pick<StepContext, 'kube'>, name: string): Promise<string> {
  return (await ready(context, name))?.lastHeartbeatTime ?? '';
}

async function ready({ kube }: Pick<StepContext, 'kube'>, name: string) {
  const node = await kube().get<Node>(`/api/v1/nodes/${name}`);
  return node.status?.conditions?.find((condition) => condition.type === 'Ready');
}
