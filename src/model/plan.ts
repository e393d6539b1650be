/** The four phases, in their order. */
export const phaseNames = ['trust', 'present', 'refresh', 'distrust'] as const;
/** The way back: the same phases with the two sides swapped. Its `trust` is what every master still does. */
export const backPhaseNames = ['back-present', 'back-refresh', 'back-distrust'] as const;
/** Where no API server answers anybody, so that there is nothing to keep: all masters at once, then everything else. */
export const rescuePhaseNames = ['rescue-masters', 'rescue-nodes'] as const;
export type PhaseName = (typeof phaseNames)[number];
export type BackPhaseName = (typeof backPhaseNames)[number];
export type RescuePhaseName = (typeof rescuePhaseNames)[number];
export type AnyPhaseName = PhaseName | BackPhaseName | RescuePhaseName;

/**
 * What a file shall hold: a material (`apiserver.chain`, `ca.key`, …) that is looked up when the step runs, so that a
 * plan holds no secret; a text that is none; or what it held when the rotation began, from the backup on its own node,
 * with a material behind it or not. `original` is by what that is known again: a certificate file's text, of a key the
 * fingerprint; empty when it was not kept.
 */
export type Content =
  | { readonly material: string }
  | { readonly text: string }
  | { readonly original: string; readonly append?: string };

/** A file that a step puts on a node. Mode and owner of what held something when the rotation began are those of then. */
export interface PlannedFile {
  readonly path: string;
  readonly mode: string;
  readonly owner: string;
  readonly content: Content;
}

/** A static pod's manifests that go, as far as they are there, and the one that comes. */
export interface ManifestSwap {
  readonly program: string;
  readonly old: readonly string[];
  readonly new: string;
  readonly mode: string;
  readonly owner: string;
  readonly text: string;
  /** What the new process must have been started with. */
  readonly arguments: readonly string[];
}

/** The kube-apiserver that runs beside the only one while that restarts: its port and its manifest. */
export interface SecondApiServer {
  readonly port: number;
  readonly text: string;
}

/** Which side a node takes up. */
export type Side = 'old' | 'new';

interface StepBase {
  /** Unique and stable in a rotation: the journal knows a step by it. */
  readonly id: string;
  readonly title: string;
}

/** One thing to do; `kind` names the file in `src/steps` that does it. */
export type Step = StepBase &
  (
    | { readonly kind: 'install-files'; readonly node: string; readonly files: readonly PlannedFile[] }
    | {
        readonly kind: 'restart-apiserver';
        readonly node: string;
        readonly swap: ManifestSwap;
        /** Before the drain, while the old process runs. */
        readonly before: readonly PlannedFile[];
        /** While no API server runs on the node. */
        readonly files: readonly PlannedFile[];
        readonly etcd: boolean;
        /** Where there is no other master to take its connections. */
        readonly second?: SecondApiServer;
      }
    /** The same, by a reboot of the machine from outside. */
    | {
        readonly kind: 'reboot-master';
        readonly node: string;
        readonly swap: ManifestSwap;
        readonly before: readonly PlannedFile[];
        readonly files: readonly PlannedFile[];
      }
    | {
        readonly kind: 'swap-pod';
        readonly node: string;
        readonly swap: ManifestSwap;
        readonly files: readonly PlannedFile[];
        readonly health: string;
        readonly lease?: string;
      }
    | {
        readonly kind: 'refresh-node';
        readonly node: string;
        readonly files: readonly PlannedFile[];
        readonly restartPods: readonly string[];
        readonly side: Side;
      }
    | {
        readonly kind: 'refresh-windows-node';
        readonly node: string;
        /** Materials: the CA to trust, and the pair of the node's kubeconfig. */
        readonly ca: string;
        readonly certificate: string;
        readonly key: string;
      }
    | { readonly kind: 'move-leader'; readonly away: readonly string[]; readonly to: string }
    | { readonly kind: 'await-front-proxy' }
    | {
        readonly kind: 'put-proxy-certs';
        readonly node: string;
        /** Materials. */
        readonly authority: string;
        readonly certificate: string;
        readonly key: string;
      }
    | { readonly kind: 'write-kubeconfig' }
    | { readonly kind: 'remove-kubeconfig' }
    /** `authority`: the material that every namespace shall hold. */
    | { readonly kind: 'await-root-ca'; readonly authority: string }
    | { readonly kind: 'renew-legacy-tokens' }
    | { readonly kind: 'restore-legacy-tokens' }
    | { readonly kind: 'restart-workloads'; readonly select: 'all-but-node-credentials' | 'node-credentials' }
    | {
        readonly kind: 'await-orphan-pods';
        /** Steps of this plan since whose end pods have the right tokens, and their node's right files. */
        readonly tokensStep: string;
        readonly filesStep: string;
        /** Pods from before this moment (ISO) hold the right side anyhow; none: all are looked at. */
        readonly from?: string;
        /** They are told, not waited for: what they hold is of no use to them anyhow. */
        readonly told?: true;
      }
    /** Materials of the CAs that stay. */
    | { readonly kind: 'clean-authentication-config'; readonly ca: string; readonly proxyCa: string }
    | { readonly kind: 'retire-legacy-tokens' }
    | { readonly kind: 'remove-successor-tokens' }
    /** Before the first change: the unit that completes at boot what a crash cut off; on masters the rotation's state. */
    | {
        readonly kind: 'prepare-node';
        readonly node: string;
        readonly master: boolean;
        /** No snapshot of its etcd member, which may not answer: its folder is copied once it is stopped. */
        readonly dead?: true;
      }
    | { readonly kind: 'keep-keys'; readonly node: string }
    /** For a rescue: static pods, kubelet and etcd end, and the stopped member's data are copied. */
    | {
        readonly kind: 'stop-master';
        readonly node: string;
        readonly manifests: readonly string[];
        readonly programs: readonly string[];
        /** The etcd member's folder. */
        readonly data: string;
      }
    | { readonly kind: 'start-etcd'; readonly node: string }
    /** kubelet starts, and with it the static pods whose manifests are among the files. */
    | { readonly kind: 'start-master'; readonly node: string; readonly files: readonly PlannedFile[] }
    /** Ready by a report of the kubelet that step `since` started. `guarded`: until then no Service counts on its pods. */
    | { readonly kind: 'await-ready'; readonly node: string; readonly since: string; readonly guarded?: true }
    | { readonly kind: 'release-node'; readonly node: string }
    | { readonly kind: 'remove-files'; readonly node: string; readonly folders: readonly string[] }
  );

export type StepKind = Step['kind'];
export type StepOf<K extends StepKind> = Extract<Step, { kind: K }>;

/** Steps one after another, or beside each other. */
export type Flow =
  | { readonly sequence: readonly Flow[] }
  | { readonly parallel: readonly Flow[]; readonly limit?: number }
  | { readonly step: Step };

/** What a node must show when a phase has ended. */
export interface Barrier {
  readonly phase: AnyPhaseName;
  readonly nodes: readonly NodeExpectation[];
  readonly windows?: readonly WindowsExpectation[];
}

/** What a Windows agent's kubelet must show a master: the CAs (materials) whose clients it accepts. */
export interface WindowsExpectation {
  readonly node: string;
  /** `address:port` of its kubelet. */
  readonly target: string;
  /** The master that looks. */
  readonly from: string;
  readonly names: readonly string[];
  readonly namesNot: readonly string[];
}

/** What a server must show in a handshake: a chain, and the CAs (materials) it must and must not name. */
export interface ServerExpectation {
  readonly server: string;
  readonly target: string;
  /** A material, or a content of its own. */
  readonly chain: string | Content;
  readonly names: readonly string[];
  readonly namesNot: readonly string[];
}

export interface NodeExpectation {
  readonly node: string;
  readonly files: readonly PlannedFile[];
  readonly servers: readonly ServerExpectation[];
  /** Started with these arguments. */
  readonly processes: readonly { program: string; arguments: readonly string[] }[];
}

export interface Phase {
  readonly name: AnyPhaseName;
  readonly flow: Flow;
  readonly barrier: Barrier;
}

/** Something found while planning: where, what, and what to do about it. */
export interface Finding {
  readonly code: string;
  readonly where: string;
  readonly what: string;
  readonly next: string;
}

export function step(value: Step): Flow {
  return { step: value };
}

/** All steps of a flow in reading order. */
export function stepsOf(flow: Flow): Step[] {
  if ('step' in flow) return [flow.step];
  return ('sequence' in flow ? flow.sequence : flow.parallel).flatMap(stepsOf);
}
