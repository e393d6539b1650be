import type { NodeShell, WindowsShell } from '../adapters/ssh/types.js';
import type { KubeClient } from '../adapters/kube/types.js';
import type { Layout } from '../layouts/layout.js';
import type { ClusterNode } from '../model/cluster.js';
import type { Materials } from '../model/materials.js';
import type { PlannedFile, StepKind, StepOf } from '../model/plan.js';
import type { Journal } from '../execute/journal.js';

/** All that steps work with. What may change during a rotation is a function. */
export interface StepContext {
  readonly rotation: string;
  readonly layout: Layout;
  readonly journal: Journal;
  readonly materials: Materials;
  /** When the rotation began, s since the epoch by the clock of this machine. */
  readonly nodes: () => readonly ClusterNode[];
  readonly shell: (node: string) => NodeShell;
  readonly windows: (node: string) => WindowsShell;
  readonly kube: () => KubeClient;
  readonly serviceIp: string;
  /** Has the machine of a node restarted from outside, and waits for the end of that. */
  readonly restartMachine: (node: string) => Promise<void>;
  /** The address that the balancer's probes come from. */
  readonly balancerProbe: string;
  /** Client URLs of all etcd members, by the master they run on. */
  readonly etcdEndpoints: ReadonlyMap<string, string>;
  /** Namespaces whose pods are keyroll's own. */
  readonly waitWorkloadsMs: number;
  readonly note: (text: string) => void;
  /** Writes the new admin kubeconfig on the operator's side. */
  readonly writeKubeconfig: () => Promise<void>;
  readonly guard: DisruptionGuard;
}

/** Lets a node be disturbed only while every Service keeps a ready endpoint on another node. */
export interface DisruptionGuard {
  run<T>(node: string, disturb: () => Promise<T>): Promise<T>;
}

/** Does one kind of step and verifies it; must be fit to be called again after a crash. What it returns goes into the journal. */
export type StepRunner<K extends StepKind> = (step: StepOf<K>, context: StepContext) => Promise<unknown>;

/** The content of a planned file. */
export function contentOf(file: PlannedFile, materials: Materials): string {
  return 'text' in file.content ? file.content.text : materials.get(file.content.material);
}

/** Files as the lines that `install-files.sh` reads. */
export function fileLines(files: readonly PlannedFile[], materials: Materials): string {
  return files
    .map(
      (file) =>
        `${file.path} ${file.mode} ${file.owner} ${Buffer.from(contentOf(file, materials)).toString('base64')}\n`,
    )
    .join('');
}
