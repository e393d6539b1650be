import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { hostPackages } from '../assets/hostpackages.js';

const script = fileURLToPath(new URL('preflight.sh', import.meta.url));
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'keyroll-preflight-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Puts a program before all others of its name. */
function fake(name: string, body: string): void {
  const file = join(folder, name);
  writeFileSync(file, `#!/bin/sh\n${body}\n`);
  chmodSync(file, 0o755);
}

function preflight(): { status: number | null; stdout: string } {
  const env = { ...process.env, PATH: `${folder}:${process.env['PATH'] ?? ''}` };
  return spawnSync('sh', [script], { env, encoding: 'utf8' });
}

describe('preflight.sh', () => {
  it('names the packages that the lab installs', () => {
    const list = /^packages='([^']+)'/m.exec(readFileSync(script, 'utf8'))?.[1] ?? '';
    expect(list.split(/\s+/).sort()).toEqual(Object.keys(hostPackages).sort());
  });

  it('sends a person who is not root to root, and ends with 3', () => {
    fake('id', 'echo 1000');
    const { status, stdout } = preflight();
    expect(status).toBe(3);
    expect(stdout).toContain(
      '✗ root            user id 1000\n      expected: user id 0\n      to do:    run the same',
    );
  });

  it.each(['v18.20.0', 'v20.19.5', 'v21.7.3', 'v22.11.0', 'v23.9.0', 'nonsense'])(
    'refuses Node %s',
    (version) => {
      fake('node', `echo ${version}`);
      expect(preflight().stdout).toContain(`✗ Node and npm    Node: ${version}, with npm`);
    },
  );

  it.each(['v20.20.0', 'v22.12.0', 'v24.0.0', 'v26.1.0'])('takes Node %s', (version) => {
    fake('node', `echo ${version}`);
    expect(preflight().stdout).toContain(`✓ Node and npm    Node ${version}`);
  });

  it('says how much disk is missing', () => {
    fake('df', 'echo header; echo /dev/x 1 1 1000000 1% /');
    const { status, stdout } = preflight();
    expect(status).toBe(3);
    expect(stdout).toMatch(/✗ disk, nodes {5}1\.0 GB free for \/var\/lib\n {6}expected: [26]\.0 GB or more/);
  });

  it('names the packages that will come', () => {
    fake('dpkg-query', 'echo systemd-container installed');
    expect(preflight().stdout).toMatch(/✓ packages {8}will be installed with apt-get: debootstrap haproxy/);
  });

  it("says that apt's configuration names no Debian archive", () => {
    fake('apt-get', 'exit 0');
    expect(preflight().stdout).toContain("✗ Debian mirror   none in apt's configuration");
  });
});
