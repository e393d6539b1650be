import { join } from 'node:path';
import type { Process, Program } from '../contracts.js';
import type { HollowNode } from '../node/node.js';
import type { Container, Pod } from './pod.js';
import { PodMachine } from './pod-machine.js';

/** Which program a container's command line starts. */
export type ProgramFor = (argv: readonly string[], image: string) => Program | undefined;

/** A container that was started, and that is started again whenever it ends. */
export interface ContainerState {
  readonly name: string;
  readonly image: string;
  process: Process | undefined;
  startedAt: number;
  restarts: number;
  /** How often it ended soon after a start, one time after another. */
  failures: number;
}

/** One pod on this node, with what runs of it. */
export interface RunningPod {
  readonly pod: Pod;
  readonly address: string;
  readonly machine: PodMachine;
  readonly containers: readonly ContainerState[];
  ending: boolean;
}

/**
 * kubelet's back-off (kubernetes v1.20 pkg/kubelet/kubelet.go: 10 s at first, at most 300 s; one that ran for twice the
 * most is forgiven), in times of what a pod takes to start, 2 s, so that it is shortened with the rest.
 */
const backOff = { first: 5, most: 150, forgiven: 300 };

/** The container runtime of one machine: what it runs goes on while the kubelet restarts. */
export class Runtime {
  readonly #node: HollowNode;
  readonly #programFor: ProgramFor;
  readonly #pods = new Map<string, RunningPod>();
  #lastAddress = 1;
  readonly #restarts = new Set<NodeJS.Timeout>();
  /** The kubelet that runs now hears of containers that ended or came back. */
  onChange: (pod: RunningPod) => void = () => undefined;

  constructor(node: HollowNode, programFor: ProgramFor) {
    this.#node = node;
    this.#programFor = programFor;
  }

  get pods(): readonly RunningPod[] {
    return [...this.#pods.values()];
  }

  pod(uid: string): RunningPod | undefined {
    return this.#pods.get(uid);
  }

  /** Starts a pod's containers. @param mounts absolute folders or files on this computer, by volume name */
  start(pod: Pod, podNetwork: string, volumes: ReadonlyMap<string, string>): RunningPod {
    const { uid = '', name } = pod.metadata;
    const address = pod.spec.hostNetwork === true ? this.#node.address : this.#nextAddress(podNetwork);
    if (address !== this.#node.address) this.#node.network.addPod(address);
    const mounts = new Map(
      pod.spec.containers.flatMap(({ volumeMounts = [] }) =>
        volumeMounts.flatMap((mount): [string, string][] => {
          const outside = volumes.get(mount.name);
          return outside === undefined ? [] : [[mount.mountPath, outside]];
        }),
      ),
    );
    const root = join(this.#node.folder, 'containers', uid);
    const machine = new PodMachine(this.#node, name, address, root, mounts);
    const containers = pod.spec.containers.map((container) => ({
      name: container.name,
      image: container.image,
      process: undefined,
      startedAt: 0,
      restarts: 0,
      failures: 0,
    }));
    const running: RunningPod = { pod, address, machine, containers, ending: false };
    this.#pods.set(uid, running);
    for (const [index, container] of pod.spec.containers.entries()) {
      const state = containers[index];
      if (state) this.#run(running, container, state);
    }
    return running;
  }

  /** SIGTERM to all, SIGKILL after the grace; resolves when nothing of the pod is left. */
  async stop(running: RunningPod, graceMs: number): Promise<void> {
    running.ending = true;
    const processes = running.containers.flatMap(({ process }) => process ?? []);
    for (const process of processes) process.signal('TERM');
    const late = setTimeout(() => {
      for (const process of processes) process.signal('KILL');
    }, graceMs);
    await Promise.all(processes.map(({ ended }) => ended));
    clearTimeout(late);
    if (running.address !== this.#node.address) this.#node.network.removePod(running.address);
    this.#pods.delete(running.pod.metadata.uid ?? '');
  }

  /** As when the machine loses its power: the processes are gone, and nothing starts them again. */
  vanish(): void {
    for (const pod of this.#pods.values()) pod.ending = true;
    for (const timer of this.#restarts) clearTimeout(timer);
    this.#restarts.clear();
    this.#pods.clear();
  }

  #run(running: RunningPod, container: Container, state: ContainerState): void {
    if (running.ending) return;
    const environment = environmentOf(running, container, this.#node);
    const argv = [...(container.command ?? []), ...(container.args ?? [])].map((word) =>
      word.replace(/\$\((\w+)\)/g, (all, name: string) => environment[name] ?? all),
    );
    const program = this.#programFor(argv, container.image);
    if (!program) {
      running.machine.log(
        `container ${container.name}: image ${container.image} has no program for ${argv.join(' ')}`,
      );
      return;
    }
    const process = this.#node.processes.start(argv, () => program.start(argv, running.machine, environment));
    state.process = process;
    state.startedAt = process.startedAt;
    void process.ended.then((code) => {
      running.machine.log(`container ${container.name} ended with ${code}`);
      state.process = undefined;
      if (running.ending) return;
      this.onChange(running);
      const wait = backedOff(state, this.#node.timings.podStartMs);
      state.restarts += 1;
      const timer = setTimeout(() => {
        this.#restarts.delete(timer);
        this.#run(running, container, state);
        this.onChange(running);
      }, wait);
      this.#restarts.add(timer);
    });
  }

  #nextAddress(podNetwork: string): string {
    do this.#lastAddress = (this.#lastAddress % 250) + 2;
    while (this.#node.network.hasPod(`${podNetwork}.${this.#lastAddress}`));
    return `${podNetwork}.${this.#lastAddress}`;
  }
}

/** How long a container that has just ended waits for its restart, ms: not at all at its first end. */
function backedOff(state: ContainerState, unitMs: number): number {
  if (Date.now() - state.startedAt >= backOff.forgiven * unitMs) state.failures = 0;
  const times = state.failures === 0 ? 0 : backOff.first * 2 ** (state.failures - 1);
  state.failures += 1;
  return Math.min(times, backOff.most) * unitMs;
}

function environmentOf(
  { pod, address }: RunningPod,
  { env = [] }: Container,
  node: HollowNode,
): Record<string, string> {
  const fields: Readonly<Record<string, string | undefined>> = {
    'metadata.name': pod.metadata.name,
    'metadata.namespace': pod.metadata.namespace,
    'metadata.uid': pod.metadata.uid,
    'spec.nodeName': node.name,
    'status.podIP': address,
    'status.hostIP': node.address,
  };
  const own = env.map(({ name, value, valueFrom }): [string, string] => {
    const path = valueFrom?.fieldRef?.fieldPath;
    const found = path === undefined ? value : fields[path];
    if (found === undefined)
      throw new Error(`pod ${pod.metadata.name}: the value of ${name} comes from what is not known here`);
    return [name, found];
  });
  return { ...node.podEnvironment, ...Object.fromEntries(own) };
}
