import type { Check } from './check.js';
import { checkDisk, checkMemory } from './checkspace.js';
import { checkCgroups, checkFileSystems, checkNetfilter, checkNetwork } from './checkkernel.js';
import { checkDistribution, checkMirror, checkPackages, checkRoot } from './checkhost.js';
import { cacheFolder } from './store.js';

/** All of them, in the order in which a person would mend them. */
export type Preflight = readonly Check[];

/** Looks, in under a second and without changing anything, at whether this machine can run the lab. */
export async function preflight(): Promise<Preflight> {
  const checks = await Promise.all([
    checkRoot(),
    checkDistribution(),
    checkMirror(),
    checkPackages(),
    checkDisk('disk for the cache', cacheFolder()),
    checkDisk('disk for the nodes', '/var/lib'),
    checkMemory(),
    checkFileSystems(),
    checkCgroups(),
    checkNetwork(),
    checkNetfilter(),
  ]);
  return checks;
}

/** One line for each check, and below it what to do where it failed. */
export function renderPreflight(checks: Preflight): string {
  const width = Math.max(...checks.map(({ name }) => name.length));
  const lines = checks.flatMap(({ name, ok, found, expected, fix }) => {
    const line = `  ${ok ? '✓' : '✗'} ${name.padEnd(width)}  ${found}`;
    return ok ? [line] : [line, `      expected: ${expected}`, `      to do:    ${fix}`];
  });
  return `${lines.join('\n')}\n`;
}

/** Prints the checks; resolves to whether all passed. */
export function printPreflight(
  checks: Preflight,
  write: (text: string) => unknown = (text) => process.stdout.write(text),
): boolean {
  write(renderPreflight(checks));
  return checks.every(({ ok }) => ok);
}
