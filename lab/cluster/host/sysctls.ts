import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { withLock } from '../../assets/lock.js';

/** What kubelets with --protect-kernel-defaults expect, and room for many nodes' keys and file watches. */
export const wantedSettings: Readonly<Record<string, number>> = {
  'vm.overcommit_memory': 1,
  'vm.panic_on_oom': 0,
  'kernel.panic': 10,
  'kernel.panic_on_oops': 1,
  'kernel.keys.root_maxkeys': 1_000_000,
  'kernel.keys.root_maxbytes': 25_000_000,
  'fs.inotify.max_user_instances': 8192,
  'fs.inotify.max_user_watches': 524_288,
};

/** These may only grow: the host may already have more. */
const atLeast = /^fs\.inotify\./;

/** What the host had before the first lab, and the labs that still need the lab's values. */
interface Ledger {
  previous: Record<string, number>;
  labs: string[];
}

/** In /run: after a reboot of the host its settings are its own again, and the ledger is gone. */
const ledgerFile = '/run/keyroll-lab/sysctls.json';

/** Sets the host settings that the lab needs; what they were is on the disk before the first changes. Repeatable. */
export async function borrowSettings(lab: string): Promise<void> {
  const changes: [string, number][] = [];
  for (const [name, value] of Object.entries(wantedSettings)) {
    const now = await readSetting(name);
    if (now !== value && !(atLeast.test(name) && now > value)) changes.push([name, now]);
  }
  await inLedger((ledger) => ({
    previous: { ...Object.fromEntries(changes), ...ledger.previous },
    labs: [...new Set([...ledger.labs, lab])],
  }));
  for (const [name] of changes) await writeSetting(name, wantedSettings[name] ?? 0);
}

/** Puts the host's settings back when no other lab needs them. Repeatable. */
export async function returnSettings(lab: string): Promise<void> {
  await inLedger(async (ledger) => {
    const labs = ledger.labs.filter((each) => each !== lab);
    if (labs.length > 0) return { ...ledger, labs };
    for (const [name, value] of Object.entries(ledger.previous)) await writeSetting(name, value);
    return undefined;
  });
}

async function inLedger(change: (ledger: Ledger) => Ledger | Promise<Ledger | undefined>): Promise<void> {
  await withLock(`${dirname(ledgerFile)}/lock`, async () => {
    const after = await change(await readLedger());
    if (after === undefined) return rm(ledgerFile, { force: true });
    await writeFile(`${ledgerFile}.new`, JSON.stringify(after));
    await rename(`${ledgerFile}.new`, ledgerFile);
  });
}

async function readLedger(): Promise<Ledger> {
  await mkdir(dirname(ledgerFile), { recursive: true });
  const text = await readFile(ledgerFile, 'utf8').catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return '{"previous":{},"labs":[]}';
  });
  return JSON.parse(text) as Ledger;
}

const fileOf = (name: string): string => `/proc/sys/${name.replaceAll('.', '/')}`;

async function readSetting(name: string): Promise<number> {
  return Number((await readFile(fileOf(name), 'utf8')).trim());
}

async function writeSetting(name: string, value: number): Promise<void> {
  await writeFile(fileOf(name), String(value));
}
