import type { ClusterOptions } from './flags.js';
import type { ClusterPki } from './pki.js';
import type { ClusterPlan } from './plan.js';

/** What files and model of a cluster are made from. */
export interface ClusterInputs {
  readonly plan: ClusterPlan;
  readonly pki: ClusterPki;
  readonly options: ClusterOptions;
  /** The admin user's public key, one line. */
  readonly authorizedKey: string;
}
