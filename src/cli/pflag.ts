import type { Command, Option } from 'commander';

const TRUE = /^(1|t|true)$/i;
const FALSE = /^(0|f|false)$/i;

/** A boolean as Go's flag packages read it, or undefined. */
export function booleanOf(text: string): boolean | undefined {
  return TRUE.test(text) ? true : FALSE.test(text) ? false : undefined;
}

/**
 * A command line as Go programs take it, in the form that ours takes: `-m=FILE` is `-m FILE`, `--force=false` takes an
 * earlier `--force` back, and switches may stand before the command's name. What follows `--` stays as it is.
 * @param args without interpreter and script, the command's name first or after switches
 */
export function fromGoStyle(args: readonly string[], command: Command): string[] {
  const end = args.indexOf('--');
  const [flags, rest] = end < 0 ? [args, []] : [args.slice(0, end), args.slice(end)];
  return [...normalized(commandFirst(flags, command), command), ...rest];
}

/** aks-engine takes `--debug` before the command's name, too. */
function commandFirst(args: readonly string[], command: Command): string[] {
  const at = args.indexOf(command.name());
  const before = args.slice(0, Math.max(0, at));
  const isSwitch = (arg: string): boolean => switchOf(arg, command) !== undefined;
  if (at < 1 || !before.every(isSwitch)) return [...args];
  return [command.name(), ...before, ...args.slice(at + 1)];
}

function normalized(args: readonly string[], command: Command): string[] {
  const result: string[] = [];
  for (let index = 0; index < args.length; index += 1) {
    const arg = args[index] ?? '';
    const value = takesNext(arg, command) ? args[(index += 1)] : undefined;
    const said = switchOf(arg, command);
    if (value !== undefined) result.push(arg, value);
    else if (said?.value === false) takeBack(result, said.flag);
    else if (said?.value === true) result.push(said.flag);
    else result.push(...shortWithEquals(arg, command));
  }
  return result;
}

function takeBack(args: string[], flag: string): void {
  for (let at = args.indexOf(flag); at >= 0; at = args.indexOf(flag)) args.splice(at, 1);
}

/** The switch that an argument sets, and to what; `--force=perhaps` is none and is refused later. */
function switchOf(arg: string, command: Command): { flag: string; value: boolean } | undefined {
  const [flag = '', text] = arg.split(/=(.*)/s);
  const option = command.options.find(({ long, short }) => long === flag || short === flag);
  if (!option?.isBoolean()) return undefined;
  const value = text === undefined ? true : booleanOf(text);
  return value === undefined ? undefined : { flag, value };
}

/** The next argument is this one's value, whatever it looks like. */
function takesNext(arg: string, command: Command): boolean {
  return command.options.some(({ long, short, required }) => required && (long === arg || short === arg));
}

function shortWithEquals(arg: string, command: Command): string[] {
  const match = /^(-[^-=])=(.*)$/s.exec(arg);
  const option = command.options.find((one: Option) => one.short === match?.[1] && one.required);
  return match && option ? [match[1] ?? '', match[2] ?? ''] : [arg];
}
