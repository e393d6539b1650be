import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseAccounts, writeNodeFile } from './write.js';

const uid = process.getuid?.() ?? 0;
const gid = process.getgid?.() ?? 0;
const accounts = new Map([['root', { uid, gid }]]);
let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'keyroll-write-'));
});
afterAll(() => rm(root, { recursive: true }));

describe('writeNodeFile', () => {
  it('makes folders, and sets the mode', async () => {
    await writeNodeFile(root, { path: '/etc/a/key', content: 'k', mode: 0o600 }, accounts);
    expect((await stat(join(root, 'etc/a/key'))).mode & 0o777).toBe(0o600);
  });

  it('replaces a file that was readable by all without writing into it', async () => {
    await writeFile(join(root, 'open'), 'old', { mode: 0o644 });
    const before = await stat(join(root, 'open'));
    await writeNodeFile(root, { path: '/open', content: 'secret', mode: 0o600 }, accounts);
    const after = await stat(join(root, 'open'));
    expect(after.ino === before.ino && after.birthtimeMs === before.birthtimeMs).toBe(false);
    expect(await readFile(join(root, 'open'), 'utf8')).toBe('secret');
  });

  it('refuses an owner that the node does not know', async () => {
    await expect(writeNodeFile(root, { path: '/x', content: '', owner: 'etcd' }, accounts)).rejects.toThrow(
      /"etcd"/,
    );
  });
});

it('reads accounts from passwd', () => {
  const found = parseAccounts(
    'root:x:0:0:root:/root:/bin/bash\netcd:x:999:998::/var/lib/etcddisk:/usr/sbin/nologin\n',
  );
  expect(found.get('etcd')).toEqual({ uid: 999, gid: 998 });
});
