import type { Calm } from './calm.js';
import type { NodeShell, WindowsShell } from '../adapters/ssh/types.js';
import type { KubeClient } from '../adapters/kube/types.js';
import type { Layout } from '../layouts/layout.js';
import type { ClusterNode } from '../model/cluster.js';
import type { Materials } from '../model/materials.js';
import type { StepKind, StepOf } from '../model/plan.js';
import type { StopRequest } from '../execute/stop.js';
import type { Journal } from '../execute/journal.js';

/** All that steps work with. What may change during a rotation is a function. */
export interface StepContext {
  readonly rotation: string;
  readonly layout: Layout;
  readonly journal: Journal;
  readonly materials: Materials;
  /** Ends waits that can be begun again. */
  readonly stop: StopRequest;
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
  /** The operator knows that nobody answers while an only master restarts and no second kube-apiserver comes up. */
  readonly acceptsGap: boolean;
  readonly waitWorkloadsMs: number;
  readonly note: (text: string) => void;
  /** Writes the new admin kubeconfig on the operator's side. */
  readonly writeKubeconfig: () => Promise<void>;
  /** Takes it away again. */
  readonly removeKubeconfig: () => Promise<void>;
  /** The rotation's keys and beginning as one file, for the masters to keep. Secret. */
  readonly stateArchive: () => Buffer;
  readonly guard: DisruptionGuard;
  /** The wait before a disturbance: until the API answers quickly, but not for ever (`calmness`). */
  readonly calm: Calm;
}

/** Lets a node be disturbed only while every Service keeps a ready endpoint on another node. */
export interface DisruptionGuard {
  /** Resolves when the node may be disturbed; from then on it counts as disturbed. At once when it does already. @throws StoppedError instead of a wait behind a stop */
  enter(node: string): Promise<void>;
  /** It is as it was. May be called again. */
  leave(node: string): void;
}

/** Does one kind of step and verifies it; must be fit to be called again after a crash. What it returns goes into the journal. */
export type StepRunner<K extends StepKind> = (step: StepOf<K>, context: StepContext) => Promise<unknown>;
