import { mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ServicePolicy } from './policy.js';

let folder = '';
let file = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keyroll-policy-'));
  file = join(folder, 'policy-rc.d');
});
afterEach(() => rm(folder, { recursive: true }));

describe('ServicePolicy', () => {
  it('forbids with an executable file and leaves none where there was none', async () => {
    const policy = new ServicePolicy(file);
    await policy.forbid();
    expect(await readFile(file, 'utf8')).toContain('exit 101');
    expect((await stat(file)).mode & 0o777).toBe(0o755);
    await policy.restore();
    expect(await readdir(folder)).toEqual([]);
  });

  it('puts back what was there, byte for byte and with its mode', async () => {
    await writeFile(file, '#!/bin/sh\nexit 0\n', { mode: 0o750 });
    await new ServicePolicy(file).forbid();
    await new ServicePolicy(file).restore();
    expect(await readFile(file, 'utf8')).toBe('#!/bin/sh\nexit 0\n');
    expect((await stat(file)).mode & 0o777).toBe(0o750);
    expect(await readdir(folder)).toEqual(['policy-rc.d']);
  });

  it('repairs what an interrupted run left, however often it was interrupted', async () => {
    await writeFile(file, 'own');
    await new ServicePolicy(file).forbid();
    await new ServicePolicy(file).forbid();
    await new ServicePolicy(file).restore();
    expect(await readFile(file, 'utf8')).toBe('own');
  });

  it('never touches a policy of somebody else', async () => {
    await writeFile(file, 'own');
    await new ServicePolicy(file).restore();
    expect(await readFile(file, 'utf8')).toBe('own');
  });
});
