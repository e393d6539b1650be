import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What a place needs to know of a journal's record. */
export interface Record {
  readonly type: string;
  readonly id: string;
}

/** Where keyroll is killed: before or after the first record of this kind that the journal did not have yet. */
export interface Place {
  /** `next`: before the first such record, or after it when `before` names it. */
  readonly when: 'before' | 'after' | 'next';
  /** Regular expression over `type id`; left out: any. */
  readonly record?: string;
  readonly before?: readonly string[];
}

/** `intent trust/restart/master-0` */
export function nameOf({ type, id }: Record): string {
  return `${type} ${id}`;
}

/** When keyroll is to be killed as it writes this record; undefined: it goes on. */
export function whenKilled(
  { when, record, before = [] }: Place,
  found: Record,
  known: ReadonlySet<string>,
): 'before' | 'after' | undefined {
  const name = nameOf(found);
  if (known.has(name) || (record !== undefined && !new RegExp(record).test(name))) return undefined;
  if (when !== 'next') return when;
  return before.includes(name) ? 'after' : 'before';
}

/** A line of a journal; undefined for anything else that is appended to a file. */
export function readRecord(line: string): Record | undefined {
  if (!line.startsWith('{"at":')) return undefined;
  const { type, id } = JSON.parse(line) as Partial<Record>;
  return type === undefined || id === undefined ? undefined : { type, id };
}

/** Names of all records of the latest rotation in a folder of rotations; empty when there is none. */
export function recordsIn(state: string): Set<string> {
  return new Set(journalIn(state).map(nameOf));
}

/** The journal of the latest rotation in a folder of rotations. */
export function journalIn(state: string): Record[] {
  const latest = rotationsIn(state).at(-1);
  const file = latest === undefined ? '' : join(state, latest, 'journal.jsonl');
  if (!existsSync(file)) return [];
  return readFileSync(file, 'utf8')
    .split('\n')
    .flatMap((line) => readRecord(line) ?? []);
}

/** Names of the rotations in a folder, the latest last. */
export function rotationsIn(state: string): string[] {
  if (!existsSync(state)) return [];
  return readdirSync(state)
    .filter((name) => existsSync(join(state, name, 'journal.jsonl')))
    .sort();
}
