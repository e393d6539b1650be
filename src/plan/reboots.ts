import type { Flow } from '../model/plan.js';

/** The same flow, in which each master that would restart its kube-apiserver is rebooted instead. */
export function withReboots(flow: Flow): Flow {
  if ('sequence' in flow) return { sequence: flow.sequence.map(withReboots) };
  if ('parallel' in flow) return { ...flow, parallel: flow.parallel.map(withReboots) };
  const { step } = flow;
  if (step.kind !== 'restart-apiserver') return flow;
  const { id, title, node, swap, before, files } = step;
  return {
    step: { id, title: `${title}, by a reboot`, kind: 'reboot-master', node, swap, before, files },
  };
}
