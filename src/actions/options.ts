import type { PhaseName } from '../model/plan.js';

/** What `keyroll rotate-certs` was asked for, paths expanded, times in ms. */
export interface RotateOptions {
  readonly apiModel: string;
  readonly sshHost: string;
  readonly sshPort: number;
  readonly sshPrivateKey: string;
  readonly location?: string | undefined;
  readonly knownHosts?: string | undefined;
  readonly userKnownHosts?: string | undefined;
  readonly strictHostKeys: boolean;
  readonly pauseAfter?: PhaseName | undefined;
  readonly validity?: number | undefined;
  readonly caValidity?: number | undefined;
  readonly waitWorkloads: number;
  readonly leaveNodes: readonly string[];
  readonly leaveBridge: boolean;
  readonly probe: boolean;
}
