import type { KubeClient } from '../../adapters/kube/types.js';
import type { NodeShell } from '../../adapters/ssh/types.js';
import type { ApiModel } from '../../model/apimodel.js';
import type { ClusterNode } from '../../model/cluster.js';
import type { Finding } from '../../model/plan.js';
import type { Facts } from '../../plan/facts.js';

/** Names of gates, as `--skip-gate` takes them. */
export const gateNames = [
  'api',
  'azure',
  'clock',
  'disk',
  'etcd',
  'etcd-alarm',
  'flags',
  'master',
  'model',
  'node-ready',
  'other-rotation',
  'single-master-gap',
] as const;
export type GateName = (typeof gateNames)[number];

/** What gates look at: the cluster before the first change. */
export interface GateContext {
  readonly facts: Facts;
  readonly model: ApiModel;
  readonly kube: KubeClient;
  readonly shell: (node: string) => NodeShell;
  /** No API server answers anybody. */
  readonly rescue?: boolean;
  /** Gates that are told and not heeded: nobody waits for them. */
  readonly skipped: readonly string[];
  /** How long what may pass by itself may take, ms. */
  readonly patienceMs: number;
  /** Called once, with what is waited for. */
  readonly onWait: (findings: readonly Finding[]) => void;
}

/** What one node said of itself; `receivedAt` and `askedAt` by this machine's clock, ms. */
export interface NodeFacts {
  readonly node: ClusterNode;
  readonly askedAt: number;
  readonly receivedAt: number;
  readonly lines: readonly (readonly string[])[];
}

/** A reason not to start that a person may know better; `next` says what to do, and the gate's name is added to it. */
export function gateFinding(code: GateName, where: string, what: string, next: string): Finding {
  return { code, where, what, next: `${next}; to start all the same give --skip-gate ${code}` };
}
