import { accessSync, constants, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { Command, type Option } from 'commander';
import type { ClusterOptions } from '../actions/options.js';
import { messageOf, stateRoot } from '../actions/reach.js';
import { StopRequest } from '../execute/stop.js';
import type { Emit } from '../report/events.js';
import type { Report } from '../report/report.js';
import { clusterFlags, readClusterFlags } from './cluster-flags.js';
import { applyEnvironment } from './environment.js';
import { eventLog } from './event-log.js';
import { exitCodeOf, exitCodeOfError } from './exit-codes.js';
import { goOnLines } from './go-on.js';
import { stopOnSignals } from './signals.js';
import { terminal } from './terminal.js';
import { UsageError } from './usage-error.js';

/** What the work of a command is given. */
export interface CommandRun {
  readonly command: Command;
  readonly cluster: ClusterOptions;
  readonly emit: Emit;
  readonly stop: StopRequest;
}

/** A command that works on a cluster: the flags by which one is reached, and its own. Its work ends with a report or none. */
export function clusterCommand(
  name: string,
  description: string,
  flags: readonly Option[],
  work: (run: CommandRun) => Promise<Report | undefined>,
): Command {
  const command = new Command(name)
    .description(description)
    .addHelpText('after', '\nEach flag can come from the environment: KEYROLL_API_MODEL for --api-model.')
    .allowExcessArguments(true);
  for (const flag of [...clusterFlags(), ...flags]) command.addOption(flag);
  return command.action(async () => {
    process.exitCode = await run(command, work);
  });
}

async function run(
  command: Command,
  work: (run: CommandRun) => Promise<Report | undefined>,
): Promise<number> {
  const stop = new StopRequest();
  const forget = stopOnSignals(stop, (text) => console.error(`keyroll: ${text}`));
  try {
    applyEnvironment(command, process.env);
    const { options: cluster, warnings } = readClusterFlags(command, process.env);
    for (const text of warnings) console.error(`keyroll: warning: ${text}`);
    const { report: file } = command.opts<{ report?: string }>();
    if (file) demandRoomFor(file);
    const report = await work({ command, cluster, emit: emitter(cluster.apiModel), stop });
    if (!report) return 0;
    if (file) writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`);
    for (const line of goOnLines(command, report)) console.log(line);
    return exitCodeOf(report);
  } catch (error) {
    console.error(`keyroll: ${error instanceof Error ? error.message : String(error)}`);
    if (command.getOptionValue('debug') === true && error instanceof Error) console.error(error.stack);
    return exitCodeOfError(error);
  } finally {
    forget();
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
  const log = eventLog(join(stateRoot(apiModel), 'events.jsonl'), (text) =>
    console.error(`keyroll: warning: ${text}`),
  );
  return (event) => {
    log(event);
    show(event);
  };
}
