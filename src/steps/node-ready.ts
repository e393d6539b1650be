import type { KubeObject } from '../adapters/kube/types.js';
import type { StepContext } from './context.js';
import { waitFor } from './wait.js';

interface Node extends KubeObject {
  status?: { conditions?: { type: string; status: string; message?: string; lastHeartbeatTime?: string }[] };
}

/**
 * Waits until a node's kubelet has reported Ready anew, later than what the API has of it now. By the kubelet's own clock
 * alone, so that clocks need not agree.
 */
export async function readyAgain(context: StepContext, name: string): Promise<void> {
  const before = (await ready(context, name))?.lastHeartbeatTime;
  await waitFor(
    `node ${name} is Ready`,
    async () => {
      const seen = await ready(context, name);
      if (seen === undefined || seen.lastHeartbeatTime === before)
        return 'its kubelet has not reported since';
      return seen.status === 'True' ? true : (seen.message ?? 'it is not Ready');
    },
    { timeoutMs: 300_000 },
  );
}

async function ready({ kube }: StepContext, name: string) {
  const node = await kube().get<Node>(`/api/v1/nodes/${name}`);
  return node.status?.conditions?.find((condition) => condition.type === 'Ready');
}
