import { mkdir, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { keyring, release } from './apt.js';
import { filesEnding, type Downloads } from './downloads.js';
import { needMirror, proxyEnvironment } from './mirror.js';
import { step, type Progress, type Task } from './progress.js';
import { run } from './run.js';
import { cached, cacheFolder } from './store.js';

/** What a node has beyond Debian's minimal base. */
const packages = [
  ...['systemd', 'systemd-sysv', 'dbus', 'openssh-server', 'sudo', 'kmod', 'mount', 'procps', 'util-linux'],
  ...['iproute2', 'iptables', 'ebtables', 'ethtool', 'conntrack', 'socat'],
  ...['containerd', 'runc', 'containernetworking-plugins'],
  ...['curl', 'openssl', 'ca-certificates', 'jq', 'less', 'python3-minimal', 'libpython3-stdlib'],
];

/** Units that only cost time in a node, or that would reach for a network that is not there. */
const masked = [
  ...[
    'apt-daily.timer',
    'apt-daily-upgrade.timer',
    'dpkg-db-backup.timer',
    'e2scrub_all.timer',
    'fstrim.timer',
  ],
  ...[
    'console-getty.service',
    'getty@tty1.service',
    'systemd-timesyncd.service',
    'systemd-networkd-wait-online.service',
  ],
];

/** The read-only lower layer of every node: Debian bookworm with etcd 3.3.25 from bullseye. */
export function ensureRootfs(progress: Progress, downloads: () => Promise<Downloads>): Promise<string> {
  return cached({
    name: 'rootfs',
    inputs: { packages, masked, release, recipe: '1' },
    onWait: () => progress.note('  another run makes the root file system; waiting for it'),
    build: (into) =>
      step(progress, "Nodes' root file system: debootstrap", 75, async (task) => {
        await bootstrap(into, task);
        await addEtcd(into, (await downloads()).etcd);
        await strip(into);
      }),
  });
}

async function bootstrap(into: string, task: Task): Promise<void> {
  const kept = join(cacheFolder(), 'debs');
  await mkdir(kept, { recursive: true });
  const args = [
    ...[
      '--variant=minbase',
      `--keyring=${keyring}`,
      `--cache-dir=${kept}`,
      `--include=${packages.join(',')}`,
    ],
    ...[release, into, await needMirror()],
  ];
  const seen = { phases: 0 };
  const onLine = (line: string): void => {
    if (!line.startsWith('I: ')) return;
    seen.phases += 1;
    task.update(line.slice(3));
  };
  try {
    await run('debootstrap', args, { env: await proxyEnvironment(), contained: true, onLine });
  } catch (error) {
    throw await withLog(error, join(into, 'debootstrap/debootstrap.log'));
  }
}

/** debootstrap says nothing on its own output when a package fails; its log does. */
async function withLog(error: unknown, file: string): Promise<Error> {
  const log = await run('tail', ['-n', '15', file]).catch(() => '(no log)');
  return new Error(`root file system: debootstrap failed; the end of its log:\n${log}`, { cause: error });
}

async function addEtcd(root: string, debs: string): Promise<void> {
  for (const file of await filesEnding(debs, '.deb')) {
    const script = 'dpkg-deb --fsys-tarfile "$1" | tar -x --no-same-owner -C "$2" ./usr/bin';
    await run('sh', ['-c', script, 'sh', file, root], { contained: true });
  }
  const account = ['--system', '--user-group', '--no-create-home', '--home-dir', '/var/lib/etcddisk'];
  await run('chroot', [root, 'useradd', ...account, '--shell', '/usr/sbin/nologin', 'etcd'], {
    contained: true,
  });
}

/** Nothing that must differ between nodes, nothing that nobody reads in one. */
async function strip(root: string): Promise<void> {
  // Empty, not absent: systemd makes one at the boot without taking it for the very first.
  await writeFile(join(root, 'etc/machine-id'), '');
  await rm(join(root, 'etc/hostname'), { force: true });
  for (const name of await readdir(join(root, 'etc/ssh')))
    if (name.startsWith('ssh_host_')) await rm(join(root, 'etc/ssh', name));
  for (const unit of masked) await symlink('/dev/null', join(root, 'etc/systemd/system', unit));
  for (const folder of [
    'usr/share/doc',
    'usr/share/man',
    'usr/share/locale',
    'var/cache/apt/archives',
    'var/lib/apt/lists',
  ]) {
    await rm(join(root, folder), { recursive: true, force: true });
    await mkdir(join(root, folder), { recursive: true });
  }
}
