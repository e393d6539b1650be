import type { KubeObject } from '../adapters/kube/types.js';
import type { StepContext, StepRunner } from './context.js';
import { runOnNode } from './remote-step.js';

interface Lease extends KubeObject {
  spec?: { holderIdentity?: string };
}

/**
 * Swaps one static pod for another. When the process that went held the lease, the lease is given back in its name, as
 * newer versions do themselves when they end: else the cluster has no controller for 15 s.
 */
export const swapPod: StepRunner<'swap-pod'> = async (step, context) => {
  const before = step.lease === undefined ? undefined : await holder(context, step.lease);
  const { program, old, new: next, mode, owner, text, arguments: expected } = step.swap;
  const log = await runOnNode(
    context,
    step.node,
    step.id,
    'swap-pod',
    {
      ...{ program, old: old.join(' '), new: next, mode, owner, health: step.health },
      arguments: expected.join('\n'),
    },
    { manifest: text, files: step.files },
  );
  if (step.lease !== undefined && before?.startsWith(`${step.node}_`))
    await release(context, step.lease, before);
  return { node: step.node, process: program, log };
};

function path(lease: string): string {
  return `/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/${lease}`;
}

async function holder({ kube }: StepContext, lease: string): Promise<string | undefined> {
  return (await kube().get<Lease>(path(lease))).spec?.holderIdentity;
}

/** Only while the process that is gone still holds it. A JSON patch that tests the holder is refused when another took it. */
async function release({ kube, note }: StepContext, lease: string, gone: string): Promise<void> {
  const answer = await kube().request(
    'PATCH',
    path(lease),
    [
      { op: 'test', path: '/spec/holderIdentity', value: gone },
      { op: 'replace', path: '/spec/holderIdentity', value: '' },
      { op: 'replace', path: '/spec/leaseDurationSeconds', value: 1 },
    ],
    'application/json-patch+json',
  );
  if (answer.status >= 300)
    note(`lease ${lease} was not given back (status ${answer.status}): another process took it`);
}
