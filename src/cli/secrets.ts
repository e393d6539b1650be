import { readFileSync, statSync } from 'node:fs';
import type { Command } from 'commander';
import { isSecret, variableOf } from './environment.js';
import { UsageError } from './usage-error.js';

/**
 * The secret of a flag: given itself, or the content of the file that `<flag>-file` names, without the line's end.
 * @returns undefined when neither was given
 * @throws UsageError when both were given, or the file cannot be read or is empty
 */
export function secretOf(command: Command, key: string): string | undefined {
  const given = command.getOptionValue(key) as string | undefined;
  const file = command.getOptionValue(`${key}File`) as string | undefined;
  if (file === undefined || file === '') return given === '' ? undefined : given;
  if (given !== undefined && given !== '' && source(command, key) === source(command, `${key}File`))
    throw new UsageError(`found both --${dashed(key)} and --${dashed(key)}-file; give one of them`);
  if (given !== undefined && given !== '' && source(command, key) === 'cli') return given;
  return secretFile(file, `--${dashed(key)}-file`);
}

const source = (command: Command, key: string): string | undefined => command.getOptionValueSource(key);
const dashed = (key: string): string => key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/** The content of a file with one secret, without the line's end. @throws UsageError */
export function secretFile(file: string, flag: string): string {
  const secret = readable(file, flag).replace(/\r?\n$/, '');
  if (secret !== '') return secret;
  throw new UsageError(`${flag}: ${file}: found an empty file; expected the secret in it, on one line`);
}

/** The text of a file that a flag names. @throws UsageError */
export function readable(file: string, flag: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new UsageError(`${flag}: ${file}: cannot be read (${reason}); name a file that can be`, { cause });
  }
}

/** What is unsafe about how secrets were given; nothing of them is in it. */
export function secretWarnings(command: Command): string[] {
  const onCommandLine = command.options.filter(
    (option) => isSecret(option) && source(command, option.attributeName()) === 'cli',
  );
  const files = command.options.filter(({ long }) => /-(secret|password|passphrase)-file$/.test(long ?? ''));
  return [
    ...onCommandLine.map(
      (option) =>
        `${option.long ?? ''} was given on the command line, where every user of this machine can read it; ` +
        `give it as ${variableOf(option)} or in a file with ${option.long ?? ''}-file`,
    ),
    ...files.flatMap((option) => readableByOthers(command, option.attributeName(), option.long ?? '')),
  ];
}

function readableByOthers(command: Command, key: string, flag: string): string[] {
  const file = command.getOptionValue(key) as string | undefined;
  if (file === undefined || file === '' || process.platform === 'win32') return [];
  const mode = statSync(file, { throwIfNoEntry: false })?.mode ?? 0;
  if ((mode & 0o077) === 0) return [];
  return [`${flag}: ${file} can be read by others (mode ${(mode & 0o777).toString(8)}); chmod 600 ${file}`];
}
