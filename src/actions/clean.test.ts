import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FolderLock, LockedError } from '../adapters/fs/folder-lock.js';
import { StateFolder } from '../adapters/fs/state-folder.js';
import { thisHolder } from '../execute/holder.js';
import { StopRequest } from '../execute/stop.js';
import { aksEngineLinux } from '../layouts/aks-engine-linux.js';
import type { ApiModel } from '../model/apimodel.js';
import { clean, cleanHere } from './clean.js';
import type { RotateOptions } from './options.js';

const never = '20260128-080000-00aa11';
const ended = '20260129-090000-11bb22';
const open = '20260130-100000-22cc33';
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'keyroll-clean-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const root = (): string => join(folder, '_keyroll');
const left = (rotation: string): string[] => readdirSync(join(root(), rotation)).sort();

/** A folder whose keys lie on the disk. */
function withKeys(rotation: string): StateFolder {
  const state = new StateFolder(root(), rotation);
  state.writeMaterials(new Map([['old-ca.key', 'secret']]));
  return state;
}

function begun(rotation: string): StateFolder {
  const state = withKeys(rotation);
  const nothing = { nodes: [], inventories: [] };
  state.writeBeginning({ rotation, startedAt: '', serviceIp: '', ...nothing });
  return state;
}

async function cleaned(): Promise<string[]> {
  const told: string[] = [];
  const model = { file: join(folder, 'apimodel.json') } as ApiModel;
  await cleanHere({ root: root(), model }, (text) => told.push(text));
  return told;
}

describe('clean, on this machine', () => {
  it('removes the keys of rotations that have ended, and of those that never began, once', async () => {
    begun(ended).journal.append('finished', ended);
    withKeys(never).journal.append('done', 'prepare/m0');
    mkdirSync(join(folder, '_rotate_certs_backup'));
    expect(await cleaned()).toEqual([
      ...[ended, never].map((name) => `removed the keys of rotation ${name} from ${join(root(), name)}`),
      `removed ${join(folder, '_rotate_certs_backup')}`,
    ]);
    for (const name of [ended, never]) expect(left(name)).toEqual(['journal.jsonl']);
    expect(await cleaned()).toEqual([]);
  });

  it('takes what a crash left of a key that was being written, too', async () => {
    const keys = join(new StateFolder(root(), never).path, 'keys');
    writeFileSync(join(keys, 'ca.key.7.tmp'), 'sec');
    await cleaned();
    expect(existsSync(keys)).toBe(false);
  });

  it('leaves a rotation that has lost its beginning, and whose journal has more than what comes before it', async () => {
    withKeys(never);
    const { journal } = new StateFolder(root(), never);
    journal.append('intent', 'prepare/m0');
    journal.append('intent', 'trust/apiserver/m0');
    expect(await cleaned()).toEqual([]);
    expect(left(never)).toEqual(['journal.jsonl', 'keys']);
  });

  it('leaves a rotation that has begun and not ended, and what is none of keyroll’s', async () => {
    begun(open);
    mkdirSync(join(root(), 'mine', 'keys'), { recursive: true });
    writeFileSync(join(root(), 'mine', 'keys', 'a.key'), 'secret');
    expect(await cleaned()).toEqual([]);
    expect(left(open)).toEqual(['beginning.json', 'journal.jsonl', 'keys']);
    expect(readdirSync(join(root(), 'mine', 'keys'))).toEqual(['a.key']);
  });

  it('does nothing while another run has the folder: its keys may lie there without a beginning yet', async () => {
    withKeys(never);
    const lock = FolderLock.take(root(), thisHolder('rotate-certs'));
    const options = { apiModel: join(folder, 'apimodel.json') } as RotateOptions;
    const input = { options, layout: aksEngineLinux, emit: () => undefined, stop: new StopRequest() };
    await expect(clean(input, () => Promise.resolve(true))).rejects.toThrow(LockedError);
    lock.release();
    expect(left(never)).toEqual(['journal.jsonl', 'keys']);
  });
});
