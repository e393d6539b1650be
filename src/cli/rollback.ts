import type { Command } from 'commander';
import { rollback } from '../actions/rollback.js';
import { aksEngineLinux } from '../layouts/aks-engine-linux.js';
import { clusterCommand } from './cluster-command.js';
import { ask } from './consent.js';
import { rotateOptionsOf, rotationFlags, type RotationFlags } from './rotation-flags.js';

const own = ['--yes', '--report', '--wait-workloads', '--leave-node', '--probe'];

/** `keyroll rollback`: takes a rotation back, from any point before `distrust`. */
export function rollbackCommand(): Command {
  const flags = rotationFlags().filter(({ long }) => own.includes((long ?? '').replace('--no-', '--')));
  return clusterCommand(
    'rollback',
    'Take a rotation back, from any point before distrust, without a failed request',
    flags,
    ({ command, cluster, emit, stop }) => {
      const { yes }: RotationFlags = command.opts();
      const consent = (): Promise<boolean> => ask('Take this rotation back? [y/N] ', yes);
      return rollback(rotateOptionsOf(command, cluster), aksEngineLinux, emit, consent, stop);
    },
  );
}
