import type { Timings } from '../contracts.js';
import type { Etcd } from '../etcd/index.js';
import { kubelet } from '../kubelet/kubelet.js';
import type { Runtime } from '../kubelet/runtime.js';
import type { HollowMachine } from '../node/machine.js';
import { watchdog } from '../programs/watchdog.js';
import { etcdPorts } from './flags.js';
import type { ClusterPlan, PlannedNode } from './plan.js';
import { readFileSync } from 'node:fs';

export interface ServiceInputs {
  readonly plan: ClusterPlan;
  readonly node: PlannedNode;
  readonly machine: HollowMachine;
  readonly runtime: Runtime;
  readonly etcd: Etcd;
  readonly timings: Timings;
  readonly watchdogDelayMs: number;
}

/** `RestartSec=1`, in the proportion of the other timings. */
const restartMs = ({ timings }: ServiceInputs): number => timings.etcdStartMs;

/** Tells a machine's service manager what its unit files describe. */
export function defineServices(inputs: ServiceInputs): void {
  const { node, machine } = inputs;
  if (node.role === 'master') defineEtcd(inputs);
  defineKubelet(inputs);
  const watched =
    node.role === 'master' ? ['apiserver', 'etcd', 'kubelet', 'containerd'] : ['kubelet', 'containerd'];
  for (const target of watched) defineWatchdog(inputs, target);
  machine.node.log('services are defined');
}

function defineEtcd(inputs: ServiceInputs): void {
  const { machine, etcd } = inputs;
  machine.systemd.define({
    name: 'etcd',
    restartMs: restartMs(inputs),
    start: () =>
      machine.node.start(etcd.program, [
        '/usr/bin/etcd',
        ...words(environment(machine, '/etc/default/etcd')['DAEMON_ARGS'] ?? ''),
      ]),
    ready: () => etcd.ready(machine.node.name),
  });
}

function defineKubelet(inputs: ServiceInputs): void {
  const { machine, node, runtime, plan } = inputs;
  const program = kubelet({ node: machine.node, runtime, podNetwork: node.podNetwork });
  machine.systemd.define({
    name: 'kubelet',
    restartMs: restartMs(inputs),
    start: () => {
      const {
        KUBELET_CONFIG: config = '',
        KUBELET_REGISTER_WITH_TAINTS: taints = '',
        KUBELET_NODE_LABELS: labels = '',
      } = environment(machine, '/etc/default/kubelet');
      // kubelet.sh, which runs before: each start appends the rule once more.
      if (node.role === 'master')
        machine.node.network.filter.apply(
          'nat',
          words(`-A PREROUTING -p tcp --dport 4443 -j REDIRECT --to-port ${plan.apiPort}`),
        );
      return machine.node.start(program, [
        '/usr/local/bin/kubelet',
        `--node-labels=${labels}`,
        ...words(config),
        ...words(taints),
      ]);
    },
  });
}

function defineWatchdog(inputs: ServiceInputs, target: string): void {
  const { machine, plan, timings, watchdogDelayMs } = inputs;
  const kill = (service: string): void => machine.systemd.service(service)?.kill();
  const program = watchdog(
    { apiPort: plan.apiPort, etcdPort: etcdPorts.client, delayMs: watchdogDelayMs, kill },
    timings,
  );
  machine.systemd.define({
    name: `${target}-monitor`,
    restartMs: 10 * restartMs(inputs),
    start: () => machine.node.start(program, ['/usr/local/bin/health-monitor.sh', target]),
  });
}

/** An environment file as systemd reads it. */
function environment(machine: HollowMachine, file: string): Record<string, string> {
  const lines = readFileSync(machine.node.path(file), 'utf8')
    .split('\n')
    .filter((line) => line.includes('='));
  return Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
}

function words(text: string): string[] {
  return text.split(/\s+/).filter(Boolean);
}
