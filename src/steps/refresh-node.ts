import type { KubeObject } from '../adapters/kube/types.js';
import { waitFor } from './wait.js';
import { fileLines, type StepContext, type StepRunner } from './context.js';

interface Node extends KubeObject {
  status?: { conditions?: { type: string; status: string; message?: string; lastHeartbeatTime?: string }[] };
}

/** Trust and certificates of one side for one node; its kubelet restarts once and the node is Ready again. */
export const refreshNode: StepRunner<'refresh-node'> = async (step, context) =>
  context.guard.run(step.node, async () => {
    const { layout, rotation, materials } = context;
    const shell = context.shell(step.node);
    const since = (await shell.run('clock')).stdout.trim();
    await shell.run('refresh-kubelet', [rotation, step.side, layout.ca, ...layout.kubeletWatchdogs], {
      stdin: fileLines(step.files, materials),
      timeoutMs: 300_000,
    });
    const ends = [
      ...step.restartPods.map((program) =>
        shell.run('restart-pod', [program, since], { timeoutMs: 240_000 }),
      ),
      waitFor(`node ${step.node} is Ready`, () => isReady(context, step.node, Number(since)), {
        timeoutMs: 300_000,
        everyMs: 500,
      }),
    ];
    // All have ended before an error is told, so that nothing goes on behind it.
    await Promise.allSettled(ends);
    await Promise.all(ends);
    return { node: step.node, processes: ['kubelet', ...step.restartPods] };
  });

/** Ready by the word of the kubelet that runs now: its report is not older than the restart. */
async function isReady({ kube }: StepContext, name: string, since: number): Promise<true | string> {
  const node = await kube().get<Node>(`/api/v1/nodes/${name}`);
  const ready = node.status?.conditions?.find((condition) => condition.type === 'Ready');
  if (Date.parse(ready?.lastHeartbeatTime ?? '') / 1000 < since)
    return 'its kubelet has not reported since its restart';
  return ready?.status === 'True' ? true : (ready?.message ?? 'it reports no condition Ready');
}
