import type { Command, Option } from 'commander';
import type { Report } from '../report/report.js';
import { clusterFlags } from './cluster-flags.js';
import { isSecret } from './environment.js';
import { durationText } from './flags.js';
import { rollbackFlags, rotationFlags } from './rotation-flags.js';

/** What a run was to do that the next one is not. A rescue that has begun goes on without --force, and none is to begin unasked. */
const ofOneRun = ['pauseAfter', 'yes', 'force'];

/** After a run that did not end what it began: the commands that go on and that go back. */
export function goOnLines(command: Command, { outcome, canGoBack }: Report): string[] {
  if (outcome !== 'stopped' && outcome !== 'failed' && outcome !== 'pods-remain' && outcome !== 'paused')
    return [];
  const forward = `to go on: keyroll resume ${given(command, [...clusterFlags(), ...rotationFlags()])}`;
  const back = `to go back: keyroll rollback ${given(command, [...clusterFlags(), ...rollbackFlags()])}`;
  return canGoBack ? [forward, back] : [forward];
}

/** Those of these flags that the command line gave; a secret is left to the environment. */
function given(command: Command, flags: readonly Option[]): string {
  return flags
    .filter((flag) => command.getOptionValueSource(flag.attributeName()) === 'cli')
    .filter((flag) => !isSecret(flag) && !ofOneRun.includes(flag.attributeName()))
    .flatMap((flag) => asGiven(flag, command.getOptionValue(flag.attributeName())))
    .join(' ');
}

function asGiven(flag: Option, value: unknown): string[] {
  const long = flag.long ?? '';
  if (Array.isArray(value)) return value.flatMap((each: unknown) => [long, quoted(String(each))]);
  if (typeof value === 'boolean') return [long];
  return [long, quoted(flag.flags.includes('<time>') ? durationText(Number(value)) : String(value))];
}

function quoted(text: string): string {
  return /^[\w./:@%+=,-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
