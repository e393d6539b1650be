import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { z } from 'zod';
import { Journal } from '../../execute/journal.js';
import type { ClusterNode } from '../../model/cluster.js';
import type { NodeInventory } from '../../model/inventory.js';
import { writeFileAtomically } from './write-file.js';

/** What a rotation must remember besides its keys: how the nodes were when it began. Holds no secret. */
export interface Beginning {
  readonly rotation: string;
  readonly startedAt: string;
  readonly serviceIp: string;
  readonly nodes: readonly ClusterNode[];
  readonly inventories: readonly NodeInventory[];
  /** What the operator chose then and need not say again. */
  readonly choices?: { readonly leaveBridge: boolean; readonly leaveNodes?: readonly string[] };
}

/**
 * The folder of one rotation beside the API model: `journal.jsonl`, `beginning.json`, `keys/` (0600). It can be copied
 * and the rotation continued from the copy.
 */
export class StateFolder {
  readonly path: string;
  readonly journal: Journal;

  constructor(
    root: string,
    readonly rotation: string,
  ) {
    this.path = join(root, rotation);
    mkdirSync(join(this.path, 'keys'), { recursive: true, mode: 0o700 });
    this.journal = Journal.open(join(this.path, 'journal.jsonl'));
  }

  /** The rotation in `root` that has begun and not finished; undefined when there is none. */
  static unfinished(root: string): StateFolder | undefined {
    return folders(root)
      .filter(({ journal }) => !journal.records.some(({ type }) => type === 'finished'))
      .at(-1);
  }

  writeMaterials(texts: ReadonlyMap<string, string>): void {
    for (const [name, text] of texts) writeFileAtomically(join(this.path, 'keys', name), text);
  }

  readMaterials(): Map<string, string> {
    const folder = join(this.path, 'keys');
    const names = readdirSync(folder).filter((name) => !name.endsWith('.tmp'));
    return new Map(names.map((name) => [name, readFileSync(join(folder, name), 'utf8')]));
  }

  /** Keys, beginning and journal as one file, for another place to keep. Secret. */
  archive(): Buffer {
    const files = {
      'beginning.json': readFileSync(join(this.path, 'beginning.json'), 'utf8'),
      'journal.jsonl': readFileSync(join(this.path, 'journal.jsonl'), 'utf8'),
    };
    const archive: Archive = {
      rotation: this.rotation,
      files,
      keys: Object.fromEntries(this.readMaterials()),
    };
    return gzipSync(JSON.stringify(archive));
  }

  /**
   * Makes the folder of a rotation from its archive. `beginning.json`, by which a folder counts as one, comes last.
   * @throws Error when `bytes` is no archive
   */
  static fromArchive(root: string, bytes: Buffer): StateFolder {
    const { rotation, files, keys } = archiveSchema.parse(JSON.parse(gunzipSync(bytes).toString('utf8')));
    const path = join(root, rotation);
    for (const [name, text] of Object.entries(keys)) writeFileAtomically(join(path, 'keys', name), text);
    for (const name of ['journal.jsonl', 'beginning.json'] as const)
      writeFileAtomically(join(path, name), files[name]);
    return new StateFolder(root, rotation);
  }

  /** The materials of an archive, by name. Secret. @throws Error when `bytes` is no archive */
  static materialsOf(bytes: Buffer): Map<string, string> {
    return new Map(Object.entries(archiveSchema.parse(JSON.parse(gunzipSync(bytes).toString('utf8'))).keys));
  }

  /** The types of an archive's journal records, in their order. @throws Error when `bytes` is no archive */
  static journalOf(bytes: Buffer): string[] {
    const { files } = archiveSchema.parse(JSON.parse(gunzipSync(bytes).toString('utf8')));
    return typesOf(files['journal.jsonl']);
  }

  /** All rotations in `root` that have ended and whose keys are still there. */
  static finished(root: string): StateFolder[] {
    return folders(root).filter(({ journal }) => journal.records.some(({ type }) => type === 'finished'));
  }

  /** Names of all rotations in `root` whose journal says that they have ended, whether their keys are there or not. */
  static ended(root: string): string[] {
    const names = existsSync(root) ? readdirSync(root) : [];
    return names.filter((name) => {
      const file = join(root, name, 'journal.jsonl');
      return existsSync(file) && typesOf(readFileSync(file, 'utf8')).includes('finished');
    });
  }

  /**
   * All folders in `root` whose rotation never began, since a crash came between its keys and its beginning, and whose
   * keys are still there. One whose run is still making them looks the same: to be asked for under the folder's lock alone.
   */
  static abandoned(root: string): StateFolder[] {
    return subfolders(root)
      .filter((name) => rotationName.test(name) && !existsSync(join(root, name, 'beginning.json')))
      .filter((name) => holdsFiles(join(root, name, 'keys')) && !hasBegun(join(root, name)))
      .map((name) => new StateFolder(root, name));
  }

  /** Removes the keys and the beginning: what is left is the journal. May be called again. */
  removeSecrets(): void {
    // Without its beginning the folder no longer counts as a rotation: that goes last.
    rmSync(join(this.path, 'keys'), { recursive: true, force: true });
    rmSync(join(this.path, 'beginning.json'), { force: true });
  }

  /** Its keys and how the nodes were lie on the disk. */
  get hasBegun(): boolean {
    return existsSync(join(this.path, 'beginning.json'));
  }

  writeBeginning(beginning: Beginning): void {
    writeFileAtomically(
      join(this.path, 'beginning.json'),
      `${JSON.stringify(beginning, mapsAsEntries, 2)}\n`,
    );
  }

  readBeginning(): Beginning {
    return JSON.parse(readFileSync(join(this.path, 'beginning.json'), 'utf8'), entriesAsMaps) as Beginning;
  }
}

/** The types of a journal's records; a last line that a crash cut off is none. */
function typesOf(journal: string): string[] {
  return journal
    .slice(0, journal.lastIndexOf('\n') + 1)
    .split('\n')
    .filter(Boolean)
    .map((line) => z.looseObject({ type: z.string() }).parse(JSON.parse(line)).type);
}

function folders(root: string): StateFolder[] {
  return subfolders(root)
    .filter((name) => existsSync(join(root, name, 'beginning.json')))
    .map((name) => new StateFolder(root, name));
}

function subfolders(root: string): string[] {
  const entries = existsSync(root) ? readdirSync(root, { withFileTypes: true }) : [];
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
}

/**
 * By its journal, since a beginning may be lost; nodes are made ready before there is one. Read as text: a damaged journal
 * must not end whoever asks.
 */
function hasBegun(folder: string): boolean {
  const file = join(folder, 'journal.jsonl');
  return (
    existsSync(file) &&
    /"type":"(phase|rollback)"|"type":"intent","id":"(?!prepare\/)/.test(readFileSync(file, 'utf8'))
  );
}

function holdsFiles(folder: string): boolean {
  return existsSync(folder) && readdirSync(folder).length > 0;
}

/** As rotations are named: what else lies there is somebody else's. */
const rotationName = /^\d{8}-\d{6}-[0-9a-f]{6}$/;

/** File names come from another machine: none may lead out of the rotation's folder. */
const plainName = z.string().regex(/^[A-Za-z0-9_][A-Za-z0-9@._-]*$/);
const archiveSchema = z.object({
  rotation: plainName,
  files: z.object({ 'beginning.json': z.string(), 'journal.jsonl': z.string() }),
  keys: z.record(plainName, z.string()),
});
type Archive = z.infer<typeof archiveSchema>;

function mapsAsEntries(_key: string, value: unknown): unknown {
  return value instanceof Map ? { entries: [...(value as Map<string, unknown>)] } : value;
}

function entriesAsMaps(_key: string, value: unknown): unknown {
  const { entries } = (value ?? {}) as { entries?: [string, unknown][] };
  return Array.isArray(entries) ? new Map(entries) : value;
}
