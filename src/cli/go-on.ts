import type { Command } from 'commander';
import type { Report } from '../report/report.js';
import { clusterFlags } from './cluster-flags.js';
import { isSecret } from './environment.js';

/** After a run that did not end what it began: the commands that go on and that go back. */
export function goOnLines(command: Command, { outcome, phases }: Report): string[] {
  if (outcome !== 'stopped' && outcome !== 'failed' && outcome !== 'pods-remain' && outcome !== 'paused')
    return [];
  const flags = flagsOf(command);
  const goesBack = phases.some(({ name }) => name.startsWith('back-'));
  if (goesBack || command.name() === 'rollback') return [`to go on: keyroll resume ${flags}`];
  const back = phases.some(({ name }) => name === 'distrust' || name.startsWith('rescue-'))
    ? []
    : [`to go back: keyroll rollback ${flags}`];
  return [`to go on: keyroll resume ${flags}`, ...back];
}

/** The flags of the command line by which the cluster was reached; a secret is left to the environment. */
function flagsOf(command: Command): string {
  return clusterFlags()
    .filter((flag) => command.getOptionValueSource(flag.attributeName()) === 'cli' && !isSecret(flag))
    .flatMap((flag) => {
      const value: unknown = command.getOptionValue(flag.attributeName());
      const isText = typeof value === 'string' || typeof value === 'number';
      return [flag.long ?? '', ...(isText ? [quoted(String(value))] : [])];
    })
    .join(' ');
}

function quoted(text: string): string {
  return /^[\w./:@%+=,-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
