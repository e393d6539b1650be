import type { Command } from 'commander';
import { rollback } from '../actions/rollback.js';
import { aksEngineLinux } from '../layouts/aks-engine-linux.js';
import { clusterCommand } from './cluster-command.js';
import { ask } from './consent.js';
import { rollbackFlags, rotateOptionsOf, type RotationFlags } from './rotation-flags.js';

/** `keyroll rollback`: takes a rotation back, from any point before `distrust`. */
export function rollbackCommand(): Command {
  return clusterCommand(
    'rollback',
    'Take a rotation back, from any point before distrust',
    rollbackFlags(),
    ({ command, cluster, emit, stop }) => {
      const { yes }: RotationFlags = command.opts();
      const consent = (): Promise<boolean> => ask('Take this rotation back? [y/N] ', yes);
      return rollback(rotateOptionsOf(command, cluster), aksEngineLinux, emit, consent, stop);
    },
  );
}
