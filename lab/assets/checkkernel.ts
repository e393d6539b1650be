import { readFile } from 'node:fs/promises';
import { release } from 'node:os';
import { gunzipSync } from 'node:zlib';
import type { Check } from './check.js';
import { run } from './run.js';
import { exists } from './store.js';

/** What the kernel must have, by the names of its build settings. */
const netfilter = {
  NF_NAT: 'address translation',
  NETFILTER_XT_TARGET_MASQUERADE: 'MASQUERADE',
  NETFILTER_XT_TARGET_REDIRECT: 'REDIRECT',
  NETFILTER_XT_MATCH_CONNTRACK: 'conntrack match',
  NETFILTER_XT_MATCH_STATISTIC: 'statistic match',
  NETFILTER_XT_MATCH_COMMENT: 'comment match',
};

/** What is set to `y` or `m` in a kernel's build configuration, without the prefix CONFIG_. */
export function parseKernelConfig(text: string): Map<string, 'y' | 'm'> {
  const found = text.matchAll(/^CONFIG_(\w+)=(y|m)$/gm);
  return new Map([...found].map(([, name = '', value]) => [name, value === 'm' ? 'm' : 'y']));
}

/** Of the wanted settings (name → what a person calls it), those that the kernel lacks, by what a person calls them. */
export function lacking(
  config: ReadonlyMap<string, 'y' | 'm'>,
  wanted: Readonly<Record<string, string>>,
  modules: boolean,
): string[] {
  const usable = (name: string): boolean => config.get(name) === 'y' || (config.get(name) === 'm' && modules);
  return Object.entries(wanted)
    .filter(([name]) => !usable(name))
    .map(([, title]) => title);
}

async function kernelConfig(): Promise<Map<string, 'y' | 'm'> | undefined> {
  if (await exists('/proc/config.gz')) {
    return parseKernelConfig(gunzipSync(await readFile('/proc/config.gz')).toString());
  }
  const file = `/boot/config-${release()}`;
  return (await exists(file)) ? parseKernelConfig(await readFile(file, 'utf8')) : undefined;
}

async function checkSettings(name: string, wanted: Readonly<Record<string, string>>): Promise<Check> {
  const config = await kernelConfig();
  const modules = await exists(`/lib/modules/${release()}`);
  const missing = config === undefined ? [] : lacking(config, wanted, modules);
  const all = Object.values(wanted).join(', ');
  const good = config === undefined ? `not known: Linux ${release()} shows no build configuration` : all;
  return {
    name,
    ok: missing.length === 0,
    found: missing.length === 0 ? good : `Linux ${release()} lacks ${missing.join(', ')}`,
    expected: all,
    fix: "use a kernel that has them (Debian's own does), with its modules in /lib/modules",
  };
}

/** Bridge, veth pairs and nftables' compatibility layer. */
export async function checkNetwork(): Promise<Check> {
  const settings = await checkSettings('network', {
    BRIDGE: 'bridge',
    VETH: 'veth',
    NET_NS: 'network namespaces',
  });
  if (!settings.ok) return settings;
  const refused = await run('unshare', ['--net', '--mount', '--pid', '--fork', 'true']).then(
    () => undefined,
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );
  return refused === undefined
    ? settings
    : {
        ...settings,
        ok: false,
        found: refused.replaceAll('\n', ' '),
        fix: 'run as root, outside any container that forbids namespaces',
      };
}

/** What drains, pauses and Services are made of. */
export const checkNetfilter = (): Promise<Check> => checkSettings('netfilter', netfilter);

/** overlayfs: every node is a layer on one root file system. */
export const checkFileSystems = (): Promise<Check> =>
  checkSettings('file systems', { OVERLAY_FS: 'overlayfs' });

const controllers = ['cpu', 'memory', 'pids'];

/**
 * Which hierarchy this machine has and which of the needed controllers it lacks.
 * @param mounts /proc/mounts
 * @param unified content of /sys/fs/cgroup/cgroup.controllers, where there is one
 */
export function parseCgroups(
  mounts: string,
  unified: string | undefined,
): { version: 1 | 2; lacking: string[] } {
  if (unified !== undefined) {
    const present = unified.trim().split(' ');
    return { version: 2, lacking: controllers.filter((name) => !present.includes(name)) };
  }
  const options = [...mounts.matchAll(/^\S+ \S+ cgroup (\S+) /gm)].flatMap(([, list = '']) =>
    list.split(','),
  );
  return { version: 1, lacking: controllers.filter((name) => !options.includes(name)) };
}

/** The controllers that kubelet and containerd need, in either hierarchy. */
export async function checkCgroups(): Promise<Check> {
  const file = '/sys/fs/cgroup/cgroup.controllers';
  const unified = (await exists(file)) ? await readFile(file, 'utf8') : undefined;
  const { version, lacking: missing } = parseCgroups(await readFile('/proc/mounts', 'utf8'), unified);
  return {
    name: 'cgroups',
    ok: missing.length === 0,
    found: `version ${version}, ${missing.length === 0 ? controllers.join(', ') : `without ${missing.join(', ')}`}`,
    expected: `version 1 or 2 with ${controllers.join(', ')}`,
    fix: 'mount the controllers below /sys/fs/cgroup, or boot with them enabled (cgroup_enable=memory)',
  };
}
