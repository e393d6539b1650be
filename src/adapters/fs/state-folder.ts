import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
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
    const names = existsSync(root) ? readdirSync(root, { withFileTypes: true }) : [];
    const open = names
      .filter((entry) => entry.isDirectory() && existsSync(join(root, entry.name, 'beginning.json')))
      .map((entry) => new StateFolder(root, entry.name))
      .filter((folder) => !folder.journal.records.some((record) => record.type === 'finished'));
    return open.at(-1);
  }

  writeMaterials(texts: ReadonlyMap<string, string>): void {
    for (const [name, text] of texts) writeFileAtomically(join(this.path, 'keys', name), text);
  }

  readMaterials(): Map<string, string> {
    const folder = join(this.path, 'keys');
    const names = readdirSync(folder).filter((name) => !name.endsWith('.tmp'));
    return new Map(names.map((name) => [name, readFileSync(join(folder, name), 'utf8')]));
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

function mapsAsEntries(_key: string, value: unknown): unknown {
  return value instanceof Map ? { entries: [...(value as Map<string, unknown>)] } : value;
}

function entriesAsMaps(_key: string, value: unknown): unknown {
  const { entries } = (value ?? {}) as { entries?: [string, unknown][] };
  return Array.isArray(entries) ? new Map(entries) : value;
}
