import { readFile } from 'node:fs/promises';
import { hostPackages, missingHostPackages } from './hostpackages.js';
import { findMirror } from './mirror.js';
import type { Check } from './check.js';
import { exists } from './store.js';

/** Only root may make namespaces, mounts and nodes. */
export function checkRoot(): Promise<Check> {
  const uid = process.getuid?.();
  return Promise.resolve({
    name: 'root',
    ok: uid === 0,
    found: `user id ${uid ?? 'unknown'}`,
    expected: 'user id 0',
    fix: 'run the same command as root (sudo -E keeps the environment)',
  });
}

/** The fields of an os-release file, without their quotes. */
export function parseOsRelease(text: string): Record<string, string> {
  const fields = text.matchAll(/^([A-Z_]+)=["']?(.*?)["']?$/gm);
  return Object.fromEntries([...fields].map(([, name = '', value = '']) => [name, value]));
}

/** Whether those fields are of Debian or of something made from it. */
export function isDebianLike(fields: Record<string, string>): boolean {
  return [fields['ID'], ...(fields['ID_LIKE'] ?? '').split(' ')].includes('debian');
}

/** Linux on x86-64, Debian or a derivative, with apt. */
export async function checkDistribution(): Promise<Check> {
  const file = '/etc/os-release';
  const fields = (await exists(file)) ? parseOsRelease(await readFile(file, 'utf8')) : {};
  const apt = await hasApt();
  return {
    name: 'system',
    ok: process.platform === 'linux' && process.arch === 'x64' && isDebianLike(fields) && apt,
    found: `${fields['PRETTY_NAME'] ?? process.platform}, ${process.arch}, ${apt ? 'with' : 'without'} apt-get`,
    expected: 'Debian 12 or newer, or a derivative, on x64, with apt-get',
    fix: 'use a Debian machine or a Debian virtual machine',
  };
}

const hasApt = async (): Promise<boolean> =>
  (await exists('/usr/bin/apt-get')) && exists('/usr/bin/dpkg-query');

/** A Debian archive in apt's configuration; that it answers shows when it is used. */
export async function checkMirror(): Promise<Check> {
  const mirror = (await hasApt()) ? await findMirror() : undefined;
  return {
    name: 'Debian mirror',
    ok: mirror !== undefined,
    found: mirror ?? 'none in the apt configuration',
    expected: "a Debian archive that carries bookworm and bullseye, such as this machine's own",
    fix: 'add one to /etc/apt/sources.list, or set KEYROLL_LAB_MIRROR to its address',
  };
}

/** Which packages the lab would install on this machine; never an obstacle where there is apt. */
export async function checkPackages(): Promise<Check> {
  const apt = await hasApt();
  const missing = apt ? await missingHostPackages() : Object.keys(hostPackages);
  return {
    name: 'packages',
    ok: apt,
    found:
      missing.length === 0
        ? 'all installed'
        : `${apt ? 'will be installed' : 'missing'}: ${missing.join(', ')}`,
    expected: 'apt-get, to install what is missing',
    fix: 'use a machine with apt-get',
  };
}
