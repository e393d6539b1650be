import type { ClassStats, ProbeStats } from '../probe/types.js';
import type { AnyPhaseName } from '../model/plan.js';
import type { Observation } from '../inventory/observe-barrier.js';

/** How a run ended. */
export type Outcome = 'rotated' | 'paused' | 'pods-remain' | 'failed' | 'stopped' | 'rolled-back';

export interface CredentialReport {
  readonly name: string;
  readonly node: string;
  /** SHA-256 (hex) of the public key; of a token: of the key that signed it. */
  readonly oldFingerprint: string;
  readonly newFingerprint: string;
}

/** An old credential that was tried before and after `distrust`. */
export interface RefusedReport {
  readonly name: string;
  /** Left out: nobody tried before. */
  readonly acceptedBefore?: boolean;
  readonly refusedAfter: boolean;
  readonly answer: string;
}

export interface RestartReport {
  readonly process: string;
  readonly node: string;
  readonly count: number;
}

/** An only master's kube-apiserver restarted with nobody to take its connections: for so long nobody answered. */
export interface GapReport {
  readonly node: string;
  readonly seconds: number;
}

/** What the running servers named at a moment. */
export interface ObservedReport {
  readonly at: AnyPhaseName | 'start';
  readonly servers: readonly Observation[];
}

export type ProbeReport = Readonly<Record<string, ClassStats>>;

/** The whole report of a run; written as JSON by `--report`. Holds no secret. */
export interface Report {
  readonly outcome: Outcome;
  readonly rotation: string;
  readonly error?: string;
  /** The rotation has not ended and `keyroll rollback` can take it back. */
  readonly canGoBack: boolean;
  readonly startedAt: string;
  readonly seconds: number;
  /** Peak resident memory of keyroll, MB (10^6 bytes). */
  readonly memoryMb: number;
  readonly probe: ProbeReport;
  readonly probeCost?: ProbeStats['worker'];
  readonly notProbed: readonly string[];
  readonly phases: readonly { name: string; seconds: number }[];
  readonly credentials: readonly CredentialReport[];
  readonly restarts: readonly RestartReport[];
  readonly gaps: readonly GapReport[];
  readonly refused: readonly RefusedReport[];
  readonly observed: readonly ObservedReport[];
  readonly leadershipMoves: readonly unknown[];
  readonly hostKeys: readonly { host: string; type: string; fingerprint: string }[];
  readonly notes: readonly string[];
  readonly leftNodes: readonly string[];
  /** Workloads of kube-system and aggregated APIs that worked before and do not after, each with what is missing. */
  readonly addonsMissing: readonly string[];
  /** Where keys and snapshots still lie. */
  readonly places: readonly Place[];
}

/** A place that holds key material or a snapshot; `where` is a node's name, or the operator's machine. */
export interface Place {
  readonly where: string;
  readonly path: string;
  readonly what: string;
}

/**
 * All requests that failed, acknowledged writes that are lost and watch events that never came. Writes that could not be
 * read back count as one: nothing is known of them.
 */
export function failuresIn(probe: ProbeReport): number {
  return Object.values(probe).reduce(
    (sum, stats) =>
      sum +
      stats.failed +
      (stats.lost ?? 0) +
      (stats.missed ?? 0) +
      (stats.readBackError === undefined ? 0 : 1),
    0,
  );
}
