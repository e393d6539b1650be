import type { Report } from './report.js';
import type { AnyPhaseName, Finding } from '../model/plan.js';
import type { ProbeStats } from '../probe/types.js';

/** Everything the core tells while it works; a terminal renders it, `events.jsonl` keeps it. Holds no secret. */
export type Event =
  | { readonly code: 'doing'; readonly text: string }
  | { readonly code: 'host-key-recorded'; readonly host: string; readonly fingerprint: string }
  | { readonly code: 'nodes'; readonly source: string; readonly nodes: readonly string[] }
  | { readonly code: 'certificates'; readonly rows: readonly CertificateRow[] }
  | {
      readonly code: 'plan';
      readonly phases: readonly { readonly phase: AnyPhaseName; readonly text: string }[];
    }
  | { readonly code: 'finding'; readonly level: 'note' | 'blocker'; readonly finding: Finding }
  | { readonly code: 'phase-begins'; readonly phase: AnyPhaseName; readonly steps: number }
  | { readonly code: 'step-begins'; readonly id: string; readonly title: string }
  | { readonly code: 'step-ends'; readonly id: string; readonly title: string; readonly ms: number }
  | { readonly code: 'step-fails'; readonly id: string; readonly title: string; readonly error: string }
  | { readonly code: 'phase-ends'; readonly phase: AnyPhaseName; readonly ms: number }
  | { readonly code: 'barrier-waits'; readonly phase: AnyPhaseName; readonly deviations: readonly string[] }
  | { readonly code: 'probe'; readonly stats: ProbeStats }
  | { readonly code: 'note'; readonly text: string }
  | { readonly code: 'warning'; readonly text: string }
  | { readonly code: 'report'; readonly report: Report };

/** One line of the table of certificates. Dates are ISO days. */
export interface CertificateRow {
  readonly name: string;
  readonly nodes: number;
  readonly issuer: string;
  readonly until: string;
  readonly daysLeft: number;
  readonly key: string;
}

export type Emit = (event: Event) => void;
