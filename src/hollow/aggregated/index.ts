import type { Program, Surroundings } from '../contracts.js';
import { runProgram } from '../kube/run-program.js';
import { AggregatedApiserver } from './server.js';

/** How long an orderly end may take: requests in hand are short. */
const graceMs = 1_000;

/**
 * A small aggregated API server (`lab.keyroll.dev/v1alpha1`, resource `pings`) on port 8443 of its pod, as Kubernetes' own
 * server library behaves: it takes the CAs of the front proxy and of clients from a ConfigMap, again whenever that changes.
 */
export function aggregatedApiserver({ timings }: Surroundings): Program {
  return {
    start: (_argv, machine, environment) =>
      runProgram(() => new AggregatedApiserver(machine, environment, timings), machine, graceMs),
  };
}
