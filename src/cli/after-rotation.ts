import type { Command } from 'commander';
import { adopt } from '../actions/adopt.js';
import { clean } from '../actions/clean.js';
import { repair } from '../actions/repair.js';
import { finish } from '../actions/finish.js';
import type { CommandInput } from '../actions/open-cluster.js';
import { aksEngineLinux } from '../layouts/aks-engine-linux.js';
import { clusterCommand, type CommandRun } from './cluster-command.js';
import { ask } from './consent.js';
import { rotateOptionsOf, rotationFlags, type RotationFlags } from './rotation-flags.js';

const own = ['--yes', '--leave-node'];

function input({ command, cluster, emit, stop }: CommandRun): CommandInput {
  return { options: rotateOptionsOf(command, cluster), layout: aksEngineLinux, emit, stop };
}

function simple(name: string, description: string, work: (run: CommandRun) => Promise<unknown>): Command {
  const flags = rotationFlags().filter(({ long }) => own.includes(long ?? ''));
  return clusterCommand(name, description, flags, async (run) => {
    await work(run);
    return undefined;
  });
}

/** `keyroll adopt`: rebuilds a lost `_keyroll` folder from what the masters keep. */
export function adoptCommand(): Command {
  return simple(
    'adopt',
    'Rebuild the folder of a rotation that was lost, from what the masters keep of it',
    (run) => adopt(input(run)),
  );
}

/** `keyroll clean`: removes old keys, backups and snapshots of rotations that have ended. */
export function cleanCommand(): Command {
  return simple(
    'clean',
    'Remove the keys, backups and snapshots that rotations which have ended left on nodes and here',
    (run) => {
      const { yes }: RotationFlags = run.command.opts();
      return clean(input(run), () => ask('Remove all backups, old keys and snapshots? [y/N] ', yes));
    },
  );
}

/** `keyroll finish`: takes out the bridge that `--leave-bridge` left. */
export function finishCommand(): Command {
  return simple(
    'finish',
    "Take out the bridge that --leave-bridge left in kube-apiserver's serving chain",
    (run) => finish(input(run)),
  );
}

/** `keyroll repair NODE`: brings in a node that `--leave-node` left out. */
export function repairCommand(): Command {
  return simple(
    'repair',
    'Bring in a node that a finished rotation left out with --leave-node, over SSH',
    (run) => repair(input(run), run.command.args[0] ?? ''),
  ).argument('<node>', 'name of the node');
}
