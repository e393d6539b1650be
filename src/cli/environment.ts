import type { Command, Option } from 'commander';
import { booleanOf } from './pflag.js';
import { UsageError } from './usage-error.js';

type Environment = Readonly<Record<string, string | undefined>>;

/** The environment variable of a flag: `--client-secret` is `KEYROLL_CLIENT_SECRET`. */
export function variableOf(option: Pick<Option, 'long'>): string {
  return `KEYROLL_${(option.long ?? '').replace(/^--/, '').replaceAll('-', '_').toUpperCase()}`;
}

/**
 * Gives each flag that is not on the command line the value of its environment variable; an empty one counts as not set.
 * @throws UsageError naming the variable when its value is not fit; never with a secret
 */
export function applyEnvironment(command: Command, environment: Environment): void {
  for (const option of command.options) {
    const text = environment[variableOf(option)];
    const key = option.attributeName();
    if (text === undefined || text === '' || command.getOptionValueSource(key) === 'cli') continue;
    command.setOptionValueWithSource(key, parsed(option, text, command.getOptionValue(key)), 'env');
  }
}

function parsed(option: Option, text: string, before: unknown): unknown {
  if (!option.required && !option.optional) {
    const value = booleanOf(text);
    if (value === undefined) throw unfit(option, text, 'expected true or false.');
    return option.negate ? !value : value;
  }
  try {
    return option.parseArg ? option.parseArg(text, before) : text;
  } catch (error) {
    throw unfit(option, text, error instanceof Error ? error.message : String(error));
  }
}

function unfit(option: Option, text: string, expected: string): UsageError {
  const found = isSecret(option) ? 'a value (not shown)' : `"${text}"`;
  return new UsageError(`environment variable ${variableOf(option)}: found ${found}; ${expected}`);
}

/** Flags whose values must not be seen: on a command line every user of the machine can read them. */
export function isSecret(option: Pick<Option, 'long'>): boolean {
  return /-(secret|password|passphrase)$/.test(option.long ?? '');
}
