import { isMap, isScalar, isSeq, parseDocument, type Scalar } from 'yaml';

/** A change of a static pod's manifest: its pod's name, and flags with all values they shall have (none: left alone). */
export interface ManifestChange {
  readonly podName: string;
  /** Flag without `=`, with its values in order. Flags that the manifest does not have are left out of it. */
  readonly flags: ReadonlyMap<string, readonly string[]>;
  /** Whole arguments that are put behind the last one. */
  readonly added?: readonly string[];
}

interface Splice {
  readonly from: number;
  readonly to: number;
  readonly text: string;
}

/**
 * The manifest with another pod name and other values of some flags; every other byte stays as it is (a round trip
 * through a YAML library would reformat it).
 * @throws Error naming `where` when this is no manifest of a static pod
 */
export function withChange(text: string, change: ManifestChange, where: string): string {
  const { name, items } = read(text, where);
  const splices: Splice[] = [over(text, name, change.podName)];
  for (const [flag, values] of change.flags) splices.push(...spliceFlag(text, items, flag, values));
  splices.push(...spliceAdded(text, items, change.added ?? []));
  return splices
    .sort((a, b) => b.from - a.from)
    .reduce((result, s) => result.slice(0, s.from) + s.text + result.slice(s.to), text);
}

/** Command and arguments of the manifest's first container, in order. */
export function argumentsOf(text: string, where: string): string[] {
  return read(text, where).items.map((item) => item.value);
}

/** The pod's name. */
export function podNameOf(text: string, where: string): string {
  return read(text, where).name.value;
}

function spliceFlag(
  text: string,
  items: Scalar<string>[],
  flag: string,
  values: readonly string[],
): Splice[] {
  const present = items.filter((item) => item.value.startsWith(`${flag}=`));
  const [first, ...others] = present;
  if (!first) return [];
  const all = values.map((value) => quoteLike(text, first, `${flag}=${value}`)).join(', ');
  return [replace(first, all), ...others.map((item) => dropItem(text, item))];
}

function spliceAdded(text: string, items: Scalar<string>[], added: readonly string[]): Splice[] {
  const last = items.at(-1);
  if (!last || added.length === 0) return [];
  const [, to] = rangeOf(last);
  return [{ from: to, to, text: added.map((argument) => `, ${quoteLike(text, last, argument)}`).join('') }];
}

/** A list item goes with the comma before it. */
function dropItem(text: string, item: Scalar<string>): Splice {
  const [from, to] = rangeOf(item);
  return { from: text.lastIndexOf(',', from), to, text: '' };
}

function over(text: string, item: Scalar<string>, value: string): Splice {
  return replace(item, quoteLike(text, item, value));
}

function replace(item: Scalar<string>, text: string): Splice {
  const [from, to] = rangeOf(item);
  return { from, to, text };
}

function quoteLike(text: string, item: Scalar<string>, value: string): string {
  return text[rangeOf(item)[0]] === '"' ? JSON.stringify(value) : value;
}

function rangeOf(item: Scalar<string>): [number, number] {
  if (!item.range) throw new Error('a parsed YAML scalar has no place in its text');
  return [item.range[0], item.range[1]];
}

function read(text: string, where: string): { name: Scalar<string>; items: Scalar<string>[] } {
  const document = parseDocument(text, { version: '1.1' });
  const name = document.getIn(['metadata', 'name'], true);
  const container = document.getIn(['spec', 'containers', 0]);
  if (document.errors.length > 0 || !isText(name) || !isMap(container)) {
    throw new Error(
      `${where}: expected the manifest of a static pod with a name and a container; restore the file and try again`,
    );
  }
  return {
    name,
    items: [...scalars(container.get('command', true)), ...scalars(container.get('args', true))],
  };
}

function scalars(node: unknown): Scalar<string>[] {
  return isSeq(node) ? node.items.filter(isText) : [];
}

function isText(node: unknown): node is Scalar<string> {
  return isScalar(node) && typeof node.value === 'string';
}
