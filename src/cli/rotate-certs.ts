import type { Command } from 'commander';
import { rotate } from '../actions/rotate.js';
import { aksEngineLinux } from '../layouts/aks-engine-linux.js';
import { clusterCommand } from './cluster-command.js';
import { askConsent } from './consent.js';
import { rotateOptionsOf, rotationFlags, type RotationFlags } from './rotation-flags.js';

/** `keyroll rotate-certs`: the flags of `aks-engine rotate-certs`, and keyroll's own. */
export function rotateCertsCommand(): Command {
  return rotating(
    'rotate-certs',
    'Replace every CA, certificate and key of a cluster while it goes on serving; takes up what was begun',
  );
}

/** `keyroll resume`: takes up the rotation that was begun, in the direction that it had; begins none. */
export function resumeCommand(): Command {
  return rotating('resume', 'Go on with a rotation, or its way back, that was interrupted or failed');
}

function rotating(name: 'rotate-certs' | 'resume', description: string): Command {
  return clusterCommand(name, description, rotationFlags(), ({ command, cluster, emit, stop }) => {
    const { yes }: RotationFlags = command.opts();
    return rotate({
      options: rotateOptionsOf(command, cluster),
      layout: aksEngineLinux,
      emit,
      stop,
      consent: (notes, takenUp) => askConsent(notes, yes, takenUp),
      command: name,
    });
  });
}
