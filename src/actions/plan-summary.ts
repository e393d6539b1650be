import { phaseNames, stepsOf, type PhaseName, type Step } from '../model/plan.js';
import type { Facts } from '../plan/facts.js';
import { planPhase } from '../plan/plan.js';

/** What each phase will do, in a line. */
export function planSummary(facts: Facts): { phase: PhaseName; text: string }[] {
  return phaseNames.map((phase) => ({ phase, text: summary(phase, stepsOf(planPhase(phase, facts).flow)) }));
}

function summary(phase: PhaseName, steps: readonly Step[]): string {
  const count = (kind: Step['kind']): number => steps.filter((step) => step.kind === kind).length;
  const rebooted = count('reboot-master');
  const masters = rebooted > 0 ? rebooted : count('restart-apiserver');
  const how = rebooted > 0 ? 'by a reboot of each master' : 'drained';
  const managers = count('swap-pod');
  switch (phase) {
    case 'trust':
      return `${masters} kube-apiservers restart, one after another, ${how}`;
    case 'present':
      return `etcd and its clients take new certificates without a restart; ${masters} kube-apiservers restart, ${how}; ${managers} kube-controller-managers`;
    case 'refresh':
      return `${count('refresh-node')} kubelets restart (containers keep running); workloads restart within their own update strategy`;
    case 'distrust':
      return `${masters} etcd members and kube-apiservers restart, ${how}; ${managers} kube-controller-managers; then the old credentials are refused. No way back from here`;
  }
}
