import { Client } from '../client/client.js';
import { readKubeconfig } from '../client/config.js';
import { Informer } from '../client/informer.js';
import type { Machine, Program, Timings } from '../contracts.js';
import { fits, type KubeObject } from '../kube/objects.js';
import { podPath, type Pod } from '../kubelet/pod.js';
import { goFlags, running, type Work } from './running.js';

interface Node extends KubeObject {
  readonly spec?: {
    readonly unschedulable?: boolean;
    readonly taints?: readonly { readonly key: string; readonly effect: string }[];
  };
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

const known = ['--bind-address', '--kubeconfig', '--leader-elect', '--profiling', '--v'];

/** kube-scheduler, as far as it matters here: each pod goes to a fitting node that has the fewest. */
export function kubeScheduler(timings: Timings): Program {
  return {
    start: (argv, machine) =>
      running(machine, () => {
        const file = goFlags('kube-scheduler', argv.slice(1), known).get('--kubeconfig') ?? '';
        return new Scheduler(machine, new Client(machine, readKubeconfig(machine, file), timings));
      }),
  };
}

class Scheduler implements Work {
  readonly #machine: Machine;
  readonly #client: Client;
  readonly #bound = new Map<string, string>();
  #nodes: Informer<Node> | undefined;
  #pods: Informer<Pod> | undefined;
  #again: NodeJS.Timeout | undefined;

  constructor(machine: Machine, client: Client) {
    this.#machine = machine;
    this.#client = client;
  }

  run(): Promise<void> {
    const log = (line: string): void => this.#machine.log(line);
    this.#nodes = new Informer<Node>(this.#client, '/api/v1/nodes', () => undefined, log);
    this.#pods = new Informer<Pod>(
      this.#client,
      '/api/v1/pods',
      (now) => {
        if (now && now.spec.nodeName === undefined) this.#schedule(now);
      },
      log,
    );
    // Pods that found no node, or whose binding failed.
    this.#again = setInterval(() => {
      for (const pod of this.#pods?.all ?? []) if (pod.spec.nodeName === undefined) this.#schedule(pod);
    }, 300);
    return new Promise(() => undefined);
  }

  stop(): void {
    clearInterval(this.#again);
    this.#nodes?.stop();
    this.#pods?.stop();
    this.#client.close();
  }

  #schedule(pod: Pod): void {
    const uid = pod.metadata.uid ?? '';
    if (this.#bound.has(uid) || pod.metadata.deletionTimestamp !== undefined) return;
    const node = this.#choose(pod);
    if (node === undefined) return;
    this.#bound.set(uid, node);
    const binding = {
      apiVersion: 'v1',
      kind: 'Binding',
      metadata: { name: pod.metadata.name, namespace: pod.metadata.namespace },
      target: { apiVersion: 'v1', kind: 'Node', name: node },
    };
    this.#client.create(`${podPath(pod)}/binding`, binding).catch((error: unknown) => {
      const { status, message } = error as { status?: number; message: string };
      // Every scheduler of the cluster tries: one is first.
      if (status !== 409 && status !== 404) this.#machine.log(`binding of ${pod.metadata.name}: ${message}`);
      this.#bound.delete(uid);
    });
  }

  #choose(pod: Pod): string | undefined {
    const counts = new Map<string, number>();
    const same = (pod.metadata.ownerReferences ?? [])[0]?.uid;
    for (const { spec, metadata } of this.#pods?.all ?? []) {
      const node = spec.nodeName ?? this.#bound.get(metadata.uid ?? '');
      const weight = metadata.ownerReferences?.[0]?.uid === same ? 10 : 1;
      if (node !== undefined) counts.set(node, (counts.get(node) ?? 0) + weight);
    }
    const fitting = (this.#nodes?.all ?? [])
      .filter((node) => isFor(pod, node))
      .map(({ metadata }) => metadata.name);
    return fitting.sort((a, b) => (counts.get(a) ?? 0) - (counts.get(b) ?? 0))[0];
  }
}

function isFor({ spec }: Pod, { metadata, spec: node, status }: Node): boolean {
  const ready =
    status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') ?? false;
  const tolerated = (node?.taints ?? []).every(({ key, effect }) =>
    (spec.tolerations ?? []).some(
      (toleration) =>
        (toleration.key === undefined || toleration.key === key) &&
        (toleration.effect === undefined || toleration.effect === effect),
    ),
  );
  return (
    ready &&
    tolerated &&
    node?.unschedulable !== true &&
    fits(metadata.labels, { matchLabels: spec.nodeSelector ?? {} })
  );
}
