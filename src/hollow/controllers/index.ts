import type { Program, Surroundings } from '../contracts.js';
import { Flags } from '../kube/flags.js';
import { runProgram } from '../kube/run-program.js';
import { ControllerManager } from './manager.js';

const heeded = [
  ...['cluster-signing-cert-file', 'cluster-signing-key-file', 'kubeconfig', 'leader-elect', 'root-ca-file'],
  ...['service-account-private-key-file', 'node-monitor-grace-period', 'secure-port'],
];

/** Those that an AKS Engine cluster gives as well, and that change nothing here. */
const accepted = [
  ...['allocate-node-cidrs', 'bind-address', 'cluster-cidr', 'cluster-name', 'configure-cloud-routes'],
  ...['controllers', 'feature-gates', 'profiling', 'terminated-pod-gc-threshold', 'tls-min-version'],
  ...['use-service-account-credentials', 'v'],
];

/** How long an orderly end may take; there is nothing to wait for. */
const graceMs = 1_000;

/** kube-controller-manager, as 1.20 behaves, with the controllers that something in a hollow cluster needs. */
export function kubeControllerManager(surroundings: Surroundings): Program {
  return {
    start: (argv, machine) =>
      runProgram(
        () => new ControllerManager(machine, new Flags(argv, [...heeded, ...accepted]), surroundings),
        machine,
        graceMs,
      ),
  };
}
