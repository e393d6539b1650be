import { accessSync, constants, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { Command } from 'commander';
import { messageOf, stateRoot } from '../actions/reach.js';
import { rotate } from '../actions/rotate.js';
import { aksEngineLinux } from '../layouts/aks-engine-linux.js';
import type { Emit } from '../report/events.js';
import { clusterFlags, readClusterFlags } from './cluster-flags.js';
import { askConsent } from './consent.js';
import { applyEnvironment } from './environment.js';
import { eventLog } from './event-log.js';
import { exitCodeOf, exitCodeOfError } from './exit-codes.js';
import { rotateOptionsOf, rotationFlags, type RotationFlags } from './rotation-flags.js';
import { terminal } from './terminal.js';
import { UsageError } from './usage-error.js';

/** `keyroll rotate-certs`: the flags of `aks-engine rotate-certs`, and keyroll's own. */
export function rotateCertsCommand(): Command {
  const command = new Command('rotate-certs')
    .description('Replace every CA, certificate and key of a cluster while it goes on serving')
    .addHelpText('after', '\nEach flag can come from the environment: KEYROLL_API_MODEL for --api-model.')
    .allowExcessArguments(true);
  for (const flag of [...clusterFlags(), ...rotationFlags()]) command.addOption(flag);
  return command.action(async () => {
    process.exitCode = await run(command);
  });
}

async function run(command: Command): Promise<number> {
  try {
    applyEnvironment(command, process.env);
    const { options: cluster, warnings } = readClusterFlags(command, process.env);
    const flags: RotationFlags = command.opts();
    const emit = emitter(cluster.apiModel);
    for (const text of warnings) console.error(`keyroll: warning: ${text}`);
    if (flags.report) demandRoomFor(flags.report);
    const report = await rotate(rotateOptionsOf(command, cluster), aksEngineLinux, emit, (notes) =>
      askConsent(notes, flags.yes),
    );
    if (flags.report) writeFileSync(flags.report, `${JSON.stringify(report, null, 2)}\n`);
    return exitCodeOf(report);
  } catch (error) {
    console.error(`keyroll: ${error instanceof Error ? error.message : String(error)}`);
    if (command.getOptionValue('debug') === true && error instanceof Error) console.error(error.stack);
    return exitCodeOfError(error);
  }
}

/** Before anything begins: an hour later nobody wants to hear that the report has no folder to lie in. */
function demandRoomFor(report: string): void {
  const folder = dirname(resolve(report));
  try {
    accessSync(folder, constants.W_OK);
  } catch (cause) {
    throw new UsageError(
      `--report ${report}: folder ${folder} cannot be written (${messageOf(cause)}); nothing was begun; make it, or name another file`,
      { cause },
    );
  }
}

/** Tells the terminal and the log of events beside the API model. */
function emitter(apiModel: string): Emit {
  const show = terminal(process.stdout);
  const log = eventLog(join(stateRoot(apiModel), 'events.jsonl'));
  return (event) => {
    log(event);
    show(event);
  };
}
