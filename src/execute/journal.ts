import {
  appendFileSync,
  closeSync,
  existsSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  truncateSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { z } from 'zod';

const recordSchema = z.object({
  at: z.string(),
  type: z.enum(['intent', 'done', 'failed', 'reopened', 'fact', 'phase', 'rollback', 'finished']),
  id: z.string(),
  details: z.unknown().optional(),
});

/** One line of the journal: what was about to be done, or was done and verified. Never holds a secret. */
export type JournalRecord = z.infer<typeof recordSchema>;

/**
 * The append-only record of a rotation, one JSON object a line. Every append is on the disk when it returns; so is the
 * folder's entry for the file.
 */
export class Journal {
  readonly #path: string;
  readonly #file: number;
  readonly #records: JournalRecord[];

  private constructor(path: string, file: number, records: JournalRecord[]) {
    this.#path = path;
    this.#file = file;
    this.#records = records;
  }

  /** Opens or creates the journal. A last line that a crash cut off is left out: it was never acted on. */
  static open(path: string): Journal {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    const records = existsSync(path) ? readRecords(path) : [];
    const file = openSync(path, 'a', 0o600);
    syncFolder(dirname(path));
    return new Journal(path, file, records);
  }

  /** @throws Error that names the file when the record is not on the disk; then the file is as it was before */
  append(type: JournalRecord['type'], id: string, details?: unknown): void {
    const record: JournalRecord = {
      at: new Date().toISOString(),
      type,
      id,
      ...(details === undefined ? {} : { details }),
    };
    this.#write(`${JSON.stringify(record)}\n`);
    this.#records.push(record);
  }

  #write(line: string): void {
    const { size } = fstatSync(this.#file);
    try {
      appendFileSync(this.#file, line);
      fsyncSync(this.#file);
    } catch (cause) {
      // A full disk may have taken half a line; the next one must not be glued to it.
      ftruncateSync(this.#file, size);
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new Error(
        `${this.#path}: the journal cannot be written (${why}); make room there, then give the same command again`,
        { cause },
      );
    }
  }

  get records(): readonly JournalRecord[] {
    return this.#records;
  }

  /** A record of this type and id is there, and none after it that opens it again. */
  has(type: JournalRecord['type'], id: string): boolean {
    return this.find(type, id) !== undefined;
  }

  /** The last record of this type and id, unless it was opened again after it. */
  find(type: JournalRecord['type'], id: string): JournalRecord | undefined {
    const last = this.#records.findLast(
      (record) => record.id === id && (record.type === type || record.type === 'reopened'),
    );
    return last?.type === type ? last : undefined;
  }

  /** What was found out once and must stay so when a step runs again: the value of the first time. */
  remember<T>(id: string, value: T): T {
    const known = this.#records.find((record) => record.type === 'fact' && record.id === id);
    if (known) return known.details as T;
    this.append('fact', id, value);
    return value;
  }

  close(): void {
    closeSync(this.#file);
  }
}

function readRecords(path: string): JournalRecord[] {
  const text = readFileSync(path, 'utf8');
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  if (whole !== text) truncateSync(path, Buffer.byteLength(whole));
  return whole
    .split('\n')
    .slice(0, -1)
    .map((line, index) => parseRecord(line, `${path}:${index + 1}`));
}

function parseRecord(line: string, where: string): JournalRecord {
  try {
    return recordSchema.parse(JSON.parse(line));
  } catch (cause) {
    throw new Error(`${where}: expected a journal record; restore the file from a copy`, { cause });
  }
}

function syncFolder(folder: string): void {
  const handle = openSync(folder, 'r');
  fsyncSync(handle);
  closeSync(handle);
}
