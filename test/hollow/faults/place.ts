import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What a place needs to know of a journal's record. */
export interface Record {
  readonly type: string;
  readonly id: string;
}

/** Where keyroll is killed: before or after the first record of this kind that the journal did not have yet. */
export interface Place {
  /** `next`: before or after the first such record, whichever `done` does not name yet. */
  readonly when: 'before' | 'after' | 'next';
  /** Regular expression over `type id`; left out: any. */
  readonly record?: string;
  /** `before TYPE ID`, `after TYPE ID` */
  readonly done?: readonly string[];
}

/** `intent trust/restart/master-0` */
export function nameOf({ type, id }: Record): string {
  return `${type} ${id}`;
}

/** When keyroll is to be killed as it writes this record; undefined: it goes on. */
export function whenKilled(
  { when, record, done = [] }: Place,
  found: Record,
  known: ReadonlySet<string>,
): 'before' | 'after' | undefined {
  const name = nameOf(found);
  if (record !== undefined && !new RegExp(record).test(name)) return undefined;
  if (when === 'next')
    return (['before', 'after'] as const).find((moment) => !done.includes(`${moment} ${name}`));
  return known.has(name) ? undefined : when;
}

/** A line of a journal; undefined for anything else that is appended to a file. */
export function readRecord(line: string): Record | undefined {
  if (!line.startsWith('{"at":')) return undefined;
  const { type, id } = JSON.parse(line) as Partial<Record>;
  return type === undefined || id === undefined ? undefined : { type, id };
}

/** What a run that goes on finds in the journal; empty when one begins. */
export function unfinishedRecordsIn(state: string): Set<string> {
  const records = journalIn(state);
  return new Set(records.some(({ type }) => type === 'finished') ? [] : records.map(nameOf));
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
