import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { withLock } from './lock.js';
import { ServicePolicy } from './policy.js';
import { step, type Progress, type Task } from './progress.js';
import { run } from './run.js';
import { cacheFolder, exists } from './store.js';

/** What the lab runs on the host itself, and why. */
export const hostPackages = {
  'systemd-container': 'systemd-nspawn runs the nodes',
  debootstrap: "makes the nodes' root file system",
  haproxy: 'the load balancer',
  iptables: "the lab's own network namespace",
  iproute2: 'bridge, addresses, network namespace',
  openssl: 'handshakes, strict verification of chains',
  'openssh-client': 'logs in to nodes',
  curl: 'requests to the balancer',
  'util-linux': 'nsenter, unshare, setpriv, flock',
  procps: 'sysctl, ps',
  jq: 'reads the API model in checks',
  'ca-certificates': 'mirrors that are reached over TLS',
  'debian-archive-keyring': "checks signatures of Debian's packages",
  'xz-utils': 'unpacks sources',
  patch: "applies Debian's patches to Kubernetes",
} as const;

/** The packages in dpkg-query's output (`name status` lines, `name:architecture` for some) that are installed. */
export function parseInstalled(printed: string): Set<string> {
  const found = printed.matchAll(/^([^:\s]+)\S* installed$/gm);
  return new Set([...found].map(([, name = '']) => name));
}

/** Names of the host packages that are not installed. */
export async function missingHostPackages(): Promise<string[]> {
  const printed = await run('dpkg-query', ['-W', '-f', '${binary:Package} ${db:Status-Status}\n']);
  const installed = parseInstalled(printed);
  return Object.keys(hostPackages).filter((name) => !installed.has(name));
}

/** Installs what is missing, after saying so; touches nothing when all is there. */
export async function ensureHostPackages(progress: Progress): Promise<void> {
  const policy = new ServicePolicy();
  await withLock(join(cacheFolder(), 'locks', 'host-packages'), async () => {
    await policy.restore();
    const missing = await missingHostPackages();
    if (missing.length === 0 && !(await isInterrupted())) return;
    progress.note(`  installs on this machine with apt-get: ${missing.join(', ')}`);
    await policy.forbid();
    try {
      await step(progress, 'Debian packages on this machine: install', 20, (task) => install(missing, task));
    } finally {
      await policy.restore();
    }
  });
}

/** An interrupted installation leaves dpkg with work to do, without which apt-get refuses everything. */
async function isInterrupted(): Promise<boolean> {
  return (await readdir('/var/lib/dpkg/updates')).length > 0;
}

async function install(missing: readonly string[], task: Task): Promise<void> {
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  if (await isInterrupted()) {
    task.update('finishes an interrupted installation (dpkg --configure -a)');
    await run('dpkg', ['--configure', '-a'], { env });
  }
  const args = [
    'install',
    '-y',
    '-q',
    '--no-install-recommends',
    '-o',
    'DPkg::Lock::Timeout=300',
    ...missing,
  ];
  task.update(missing.join(', '));
  try {
    await run('apt-get', args, { env });
  } catch {
    // Most often the package lists are missing or old; any other cause shows again in the second try.
    task.update('reads the package lists again');
    await run('apt-get', ['update', '-q'], { env });
    await run('apt-get', args, { env });
  }
  if (missing.includes('haproxy') && (await exists('/usr/bin/systemctl'))) {
    // The policy keeps it from starting now, this from starting at the next boot.
    await run('systemctl', ['disable', 'haproxy.service']);
  }
}
