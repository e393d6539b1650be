import { appendFileSync, mkdirSync } from 'node:fs';
import type { FaultCluster } from '../hollow/faults/fault-cluster.js';

/** One line of the table of faults. */
export interface FaultRow {
  readonly fault: string;
  /** `before intent trust/apiserver/master-0` */
  readonly when: string;
  readonly then: string;
  readonly requests: number;
  readonly failed: number;
  /** Requests that failed when the same befell the cluster without keyroll. */
  readonly control?: number;
  readonly end: string;
}

const folder = 'out/faults';

/** Keeps rows for `node scripts/fault-table.mjs`, as they come: a run that is ended has told what it had seen. */
export function keepRow(row: FaultRow, cluster: 'hollow' | 'lab' = 'hollow'): void {
  mkdirSync(folder, { recursive: true });
  appendFileSync(`${folder}/${cluster}.jsonl`, `${JSON.stringify(row)}\n`);
}

/** Counts what is asked and what fails between two looks. */
export class Meter {
  #requests: number;
  #failed: number;

  constructor(readonly faults: FaultCluster) {
    this.#requests = faults.requests;
    this.#failed = faults.failures.length;
  }

  read(): { requests: number; failed: number } {
    const [requests, failed] = [this.faults.requests, this.faults.failures.length];
    const seen = { requests: requests - this.#requests, failed: failed - this.#failed };
    [this.#requests, this.#failed] = [requests, failed];
    return seen;
  }
}

/** Only at records whose `type id` fits this: a part of the matrix. Left out: all of it. */
export const only = process.env['KEYROLL_FAULTS_ONLY'] ?? '';
