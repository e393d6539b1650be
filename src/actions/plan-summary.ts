import { phaseNames, stepsOf, type PhaseName, type RescuePhaseName, type Step } from '../model/plan.js';
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

/** What a rescue will do, phase by phase. */
export function rescueSummary(facts: Facts): { phase: RescuePhaseName; text: string }[] {
  const count = (phase: RescuePhaseName, kind: Step['kind']): number =>
    stepsOf(planPhase(phase, facts).flow).filter((step) => step.kind === kind).length;
  const masters = count('rescue-masters', 'stop-master');
  return [
    {
      phase: 'rescue-masters',
      text: `${masters} masters stop (static pods, kubelet, etcd), their etcd data are copied, all their certificates become new, etcd starts on all of them, then API servers and controller managers`,
    },
    {
      phase: 'rescue-nodes',
      text: `${count('rescue-nodes', 'refresh-node')} kubelets of agents restart; legacy tokens are renewed, workloads restart; then the old credentials are refused`,
    },
  ];
}
