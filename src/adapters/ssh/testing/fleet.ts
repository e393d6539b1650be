import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import { RemoteError } from '../error.js';
import { type FleetOptions, openFleet } from '../fleet.js';
import { HostKeys } from '../known-hosts.js';
import { type ScriptPack, loadScripts } from '../scripts.js';
import type { Fleet } from '../types.js';
import { newKeyPair } from './key-pair.js';
import { Machine } from './ssh-machine.js';

const user = newKeyPair();
export const stranger = newKeyPair();
export const hostKeyOf = { jump: newHostKey(), node: newHostKey(), other: newHostKey() };
export const address = { name: 'k8s-master-0', address: '127.0.0.1' };

const scripts: Readonly<Record<string, string>> = {
  'echo.sh': 'printf "%s|" "$@"',
  'count.sh': 'wc -c',
  'exit.sh': 'echo out; printf "first\\nlast words\\n" >&2; exit "$1"',
  'killed.sh': 'kill -9 $$',
  'ignore.sh': 'exit 0',
  'sleep.sh': 'echo before >&2; exec sleep "$1"',
  'mark.sh': 'echo run >>"$KEYROLL_ROOT/runs"; [ $# -eq 0 ] || exec sleep "$1"',
  'talk.sh': 'while read -r line; do echo "got $line"; done; printf "rest\\n"; exit 3',
  'utf8.sh': 'printf "gr\\303\\274n"',
  'probe.py': 'print(1)\n',
};

// Of the test that runs: a jump host, a node behind it, a fleet that reaches both, and its file of known hosts.
export let jump: Machine;
export let node: Machine;
export let fleet: Fleet;
export let own: string;
/** The scripts above, and those that install them. */
export let pack: ScriptPack;
let root: string;
let cases = 0;

/** Every test of the file gets machines and a fleet of its own. Called once, before the tests. */
export function useFleet(): void {
  beforeAll(async () => {
    root = mkdtempSync(join(tmpdir(), 'keyroll-fleet-'));
    pack = await makePack();
  });
  beforeEach(async () => {
    cases += 1;
    own = join(root, `own-${cases}`, 'known_hosts');
    jump = new Machine(root, `jump-${cases}`, hostKeyOf.jump.private, user.public);
    node = new Machine(root, `node-${cases}`, hostKeyOf.node.private, user.public);
    await Promise.all([jump.start(), node.start()]);
    fleet = open();
  });
  afterEach(async () => {
    await fleet.close();
    await Promise.all([jump.stop(), node.stop()]);
  });
  afterAll(() => rmSync(root, { recursive: true }));
}

function newHostKey(): { private: string; public: string } {
  return newKeyPair();
}

async function makePack(): Promise<ScriptPack> {
  const folder = join(root, 'scripts');
  mkdirSync(folder);
  for (const [name, text] of Object.entries(scripts)) writeFileSync(join(folder, name), text);
  const real = await loadScripts();
  writeFileSync(join(folder, 'install-scripts.sh'), real.installer);
  writeFileSync(join(folder, 'with-input.sh'), real.files.get('with-input.sh') ?? '');
  mkdirSync(join(folder, 'windows'));
  writeFileSync(join(folder, 'windows', 'rotate-agent.ps1'), 'Write-Output none');
  return loadScripts(folder);
}

function open(options: Partial<FleetOptions> = {}): Fleet {
  return openFleet({
    jump: { host: '127.0.0.1', port: jump.port },
    username: 'azureuser',
    identity: { key: { text: user.private } },
    hostKeys: new HostKeys({ own }),
    scripts: pack,
    nodePort: node.port,
    ...options,
  });
}

/** Another fleet takes the place of this one. */
export async function reopen(options: Partial<FleetOptions> = {}): Promise<void> {
  await fleet.close();
  fleet = open(options);
}

/** What an action throws; everything but a RemoteError is thrown on. */
export async function failure(action: Promise<unknown>): Promise<RemoteError> {
  const error: unknown = await action.then(
    () => new Error('nothing was thrown'),
    (thrown: unknown) => thrown,
  );
  if (error instanceof RemoteError) return error;
  throw error;
}

/** @throws Error after 10 s */
export async function until(condition: () => boolean): Promise<void> {
  for (let tries = 0; !condition(); tries += 1) {
    if (tries > 1000) throw new Error('the condition did not come true within 10 s');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
