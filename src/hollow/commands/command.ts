import type { HollowNode } from '../node/node.js';

/** One command as it was called on a machine. */
export interface Call {
  readonly node: HollowNode;
  /** Arguments behind the command's name. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Of commands that read it; else empty. */
  readonly stdin: string;
}

export interface Answer {
  readonly code: number;
  readonly out?: string | Buffer;
  readonly err?: string;
}

/** A stand-in for one command. @throws NotKnownError for an option or a use that it does not have */
export type Command = (call: Call) => Promise<Answer> | Answer;

/** A stand-in was asked for what it does not know: it says loudly what that was. */
export class NotKnownError extends Error {}

/** Reads options: those of `flags` stand alone, those of `values` have a value behind them or behind `=`. */
export function readOptions(
  command: string,
  args: readonly string[],
  { flags = [], values = [] }: { readonly flags?: readonly string[]; readonly values?: readonly string[] },
): {
  readonly flags: ReadonlySet<string>;
  readonly values: ReadonlyMap<string, readonly string[]>;
  readonly rest: string[];
} {
  const found = { flags: new Set<string>(), values: new Map<string, string[]>(), rest: [] as string[] };
  const add = (name: string, value: string): unknown =>
    found.values.set(name, [...(found.values.get(name) ?? []), value]);
  for (let at = 0; at < args.length; at += 1) {
    const word = args[at] ?? '';
    const [name = '', ...tail] = word.split('=');
    if (flags.includes(word)) found.flags.add(word);
    else if (values.includes(name) && word.startsWith('--') && word.includes('=')) add(name, tail.join('='));
    else if (values.includes(word)) add(word, args[(at += 1)] ?? '');
    else if (word.startsWith('-'))
      throw new NotKnownError(
        `${command}: option ${word} is not known (asked: ${command} ${args.join(' ')})`,
      );
    else found.rest.push(word);
  }
  return found;
}
