import { Option, type Command } from 'commander';
import type { ClusterOptions, RotateOptions } from '../actions/options.js';
import { phaseNames, type PhaseName } from '../model/plan.js';
import { collect, duration, gate, path } from './flags.js';
import { gateNames } from '../actions/gates/index.js';
import { UsageError } from './usage-error.js';

/** Flags of a rotation besides those by which the cluster is reached. */
export function rotationFlags(): Option[] {
  return [
    new Option('--certificate-profile <file>', 'JSON file with the new set of certificates').argParser(path),
    new Option(
      '--accept-same-subject',
      "take a profile whose CA has the present CA's subject but another key: no bridge is possible, all masters stop at once, and requests fail until they are back",
    ).default(false),
    new Option(
      '--force',
      'rescue the cluster when its API answers nobody (certificates expired, etcd without quorum): all masters stop, and start with new certificates',
    ).default(false),
    new Option(
      '--pause-after <phase>',
      'stop when this phase has ended; the same command, or keyroll resume, goes on',
    ).choices(phaseNames.filter((phase) => phase !== 'distrust')),
    new Option('-y, --yes', 'answer prompts; never overrides what forbids the start').default(false),
    new Option('--report <file>', 'write the report there as JSON').argParser(path),
    new Option(
      '--validity <time>',
      'how long new certificates last (365d, 2y); default: as long as those they replace',
    ).argParser(duration),
    new Option(
      '--ca-validity <time>',
      'how long the new CAs last; default: as long as those they replace',
    ).argParser(duration),
    new Option('--wait-workloads <time>', 'how long to wait for workloads and pods')
      .argParser(duration)
      .default(duration('30m'), '30m'),
    new Option('--leave-node <name>', 'leave this node out (may be given again)')
      .argParser(collect)
      .default([], 'none'),
    new Option(
      '--skip-gate <name>',
      `start although this gate is not passed (may be given again): ${gateNames.join(', ')}`,
    )
      .argParser(gate)
      .default([], 'none'),
    new Option(
      '--reboot',
      "reboot masters through Azure's API, one at a time, instead of restarting services on them",
    ).default(false),
    new Option(
      '--balancer-probe <address>',
      "address that the load balancer's probes come from (for --reboot)",
    ).default('168.63.129.16'),
    new Option(
      '--rollback-on-failure',
      'take the rotation back when a step or a barrier fails before distrust',
    ).default(false),
    new Option('--leave-bridge', "leave the bridge in kube-apiserver's serving chain").default(false),
    new Option('--no-probe', 'do not measure availability during the rotation'),
  ];
}

const ofWayBack = ['--yes', '--report', '--wait-workloads', '--leave-node', '--skip-gate', '--no-probe'];

/** Flags of a way back besides those by which the cluster is reached. */
export function rollbackFlags(): Option[] {
  return rotationFlags().filter(({ long }) => ofWayBack.includes(long ?? ''));
}

/** The values of `rotationFlags` after `applyEnvironment`. */
export interface RotationFlags {
  readonly certificateProfile?: string;
  readonly acceptSameSubject: boolean;
  readonly force: boolean;
  readonly pauseAfter?: PhaseName;
  readonly yes: boolean;
  readonly report?: string;
  readonly validity?: number;
  readonly caValidity?: number;
  readonly waitWorkloads: number;
  readonly leaveNode: string[];
  readonly skipGate: string[];
  readonly reboot: boolean;
  readonly balancerProbe: string;
  readonly rollbackOnFailure: boolean;
  readonly leaveBridge: boolean;
  readonly probe: boolean;
  readonly debug: boolean;
}

export function rotateOptionsOf(command: Command, cluster: ClusterOptions): RotateOptions {
  const flags: RotationFlags = command.opts();
  if (flags.reboot && cluster.azure === undefined)
    throw new UsageError(
      "--reboot: the flags for Azure's API are not complete; expected --subscription-id, --resource-group, --client-id and --client-secret (or a certificate)",
    );
  return {
    ...cluster,
    certificateProfile: flags.certificateProfile || undefined,
    acceptSameSubject: flags.acceptSameSubject,
    force: flags.force,
    pauseAfter: flags.pauseAfter,
    validity: flags.validity,
    caValidity: flags.caValidity,
    waitWorkloads: flags.waitWorkloads,
    leaveNodes: flags.leaveNode,
    skipGates: flags.skipGate,
    reboot: flags.reboot,
    balancerProbe: flags.balancerProbe,
    rollbackOnFailure: flags.rollbackOnFailure,
    leaveBridge: flags.leaveBridge,
    probe: flags.probe,
  };
}
