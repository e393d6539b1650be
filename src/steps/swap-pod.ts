import type { StepRunner } from './context.js';
import { giveLeaseBack, leaseHolder } from './lease.js';
import { runOnNode } from './remote-step.js';

/**
 * Swaps one static pod for another. When the process that went held the lease, the lease is given back in its name, as
 * newer versions do themselves when they end: else the cluster has no controller for 15 s.
 */
export const swapPod: StepRunner<'swap-pod'> = async (step, context) => {
  const before = step.lease === undefined ? undefined : await leaseHolder(context, step.lease);
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
    await giveLeaseBack(context, step.lease, before);
  return { node: step.node, process: program, log };
};
