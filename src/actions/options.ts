import type { AzureOptions } from '../adapters/azure/options.js';
import type { PhaseName } from '../model/plan.js';

/** How a cluster is reached: what every command that does so needs. Paths expanded. */
export interface ClusterOptions {
  readonly apiModel: string;
  readonly sshHost: string;
  /** Left out: 22, and 50001 for masters in a scale set, as aks-engine has it. */
  readonly sshPort?: number | undefined;
  /** A private key; with an agent, a public key or nothing. */
  readonly sshPrivateKey?: string | undefined;
  /** The passphrase of an encrypted key; asked for only when the key needs one. Left out: there is no way to get it. */
  readonly sshPassphrase?: (() => Promise<string>) | undefined;
  /** Socket of the SSH agent that signs. */
  readonly sshAgent?: string | undefined;
  readonly location?: string | undefined;
  readonly knownHosts?: string | undefined;
  readonly userKnownHosts?: string | undefined;
  readonly strictHostKeys: boolean;
  /** Left out: Azure's API is not asked. */
  readonly azure?: AzureOptions | undefined;
}

/** What `keyroll rotate-certs` was asked for, times in ms. */
export interface RotateOptions extends ClusterOptions {
  readonly pauseAfter?: PhaseName | undefined;
  readonly validity?: number | undefined;
  readonly caValidity?: number | undefined;
  /** A new set of certificates from a file instead of a minted one. */
  readonly certificateProfile?: string | undefined;
  /** A profile's CA may have the present CA's subject: then without a bridge, all masters at once. */
  readonly acceptSameSubject?: boolean | undefined;
  /** The API does not answer: go on all the same. */
  readonly force?: boolean | undefined;
  readonly waitWorkloads: number;
  readonly leaveNodes: readonly string[];
  readonly leaveBridge: boolean;
  readonly probe: boolean;
  /** Masters are rebooted through Azure's API instead of restarting services on them. */
  readonly reboot?: boolean | undefined;
  /** The address that the balancer's probes come from; left out: Azure's. */
  readonly balancerProbe?: string | undefined;
  /** Gates whose findings do not forbid the start. */
  readonly skipGates?: readonly string[] | undefined;
  /** Go back by itself when a step or a barrier fails before `distrust`. */
  readonly rollbackOnFailure?: boolean | undefined;
}
