import { createHash } from 'node:crypto';
import { lstat, readFile, readdir } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { bootOf } from '../../../lab/cluster/index.js';
import { stateDir, type TestLab, type TestNode } from '../test-lab.js';

export interface FileState {
  readonly mode: string;
  readonly owner: string;
  /** Hex, of the content. */
  readonly sha256: string;
}

/** One service as systemd knows it. */
export interface UnitState {
  readonly active: string;
  /** How often it was started because it had ended by itself, or was killed. */
  readonly restarts: number;
  readonly mainPid: number;
}

/** A node, read from its files, with OpenSSL on it, and from its systemd. Nothing of keyroll's own code. */
export interface NodeState {
  /** The host's id of its first process, and the kernel's boot id as the node sees it. */
  readonly boot: string;
  /** By path, below /etc/kubernetes, /etc/systemd/system and /etc/default. */
  readonly files: ReadonlyMap<string, FileState>;
  /** PEM by path. */
  readonly certificates: ReadonlyMap<string, string>;
  /** SHA-256 of the public half, by path of the private key. */
  readonly keys: ReadonlyMap<string, string>;
  readonly units: ReadonlyMap<string, UnitState>;
}

const watched = ['etc/kubernetes', 'etc/systemd/system', 'etc/default'];
export const kubeletClient = '/var/lib/kubelet/pki/kubelet-client-current.pem';
const services = ['kubelet', 'etcd', 'containerd'];

/** Looks at all nodes, one after another. */
export async function readNodes(lab: TestLab): Promise<Map<string, NodeState>> {
  const states = new Map<string, NodeState>();
  for (const node of lab.nodes) states.set(node.name, await readNode(lab, node));
  return states;
}

async function readNode(lab: TestLab, node: TestNode): Promise<NodeState> {
  const files = new Map<string, FileState>();
  const certificates = new Map<string, string>();
  for (const folder of watched) {
    for (const path of await filesBelow(node.root, folder)) {
      files.set(`/${path}`, await fileState(join(node.root, path)));
      if (path.endsWith('.crt')) certificates.set(`/${path}`, await readFile(join(node.root, path), 'utf8'));
    }
  }
  certificates.set(kubeletClient, await lab.onNode(node.name, `openssl x509 -in ${kubeletClient}`));
  const kernel = await lab.onNode(node.name, 'cat /proc/sys/kernel/random/boot_id');
  return {
    boot: `${String(await bootOf(node.name, stateDir))} ${kernel.trim()}`,
    files,
    certificates,
    keys: keysIn(await lab.onNode(node.name, keyScript)),
    units: unitsIn(await lab.onNode(node.name, unitScript)),
  };
}

/** Paths of plain files and links below a folder, relative to the root. */
async function filesBelow(root: string, folder: string): Promise<string[]> {
  if (!existsSync(join(root, folder))) return [];
  const entries = await readdir(join(root, folder), { withFileTypes: true });
  const found = entries.map((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? filesBelow(root, path) : Promise.resolve(entry.isFile() ? [path] : []);
  });
  return (await Promise.all(found)).flat().sort();
}

async function fileState(path: string): Promise<FileState> {
  const { mode, uid, gid } = await lstat(path);
  const sha256 = createHash('sha256')
    .update(await readFile(path))
    .digest('hex');
  return { mode: (mode & 0o7777).toString(8), owner: `${uid}:${gid}`, sha256 };
}

/** Private keys stay on the node: only what their public halves hash to is printed. */
const keyScript = `set -eu
for key in /etc/kubernetes/certs/*.key ${kubeletClient}; do
  printf '%s %s\\n' "$key" "$(openssl pkey -in "$key" -pubout -outform DER | sha256sum | cut -d' ' -f1)"
done
`;

function keysIn(printed: string): Map<string, string> {
  return new Map(
    printed
      .split('\n')
      .filter(Boolean)
      .map((line): [string, string] => {
        const [path = '', hash = ''] = line.split(' ');
        return [path, hash];
      }),
  );
}

const unitScript = `
monitors=$(systemctl list-unit-files --no-legend '*-monitor.service' | cut -d' ' -f1)
for unit in ${services.map((name) => `${name}.service`).join(' ')} $monitors; do
  [ "$(systemctl show -p LoadState --value "$unit")" = loaded ] || continue
  echo "$unit $(systemctl show -p ActiveState --value "$unit") $(systemctl show -p NRestarts --value "$unit") $(systemctl show -p MainPID --value "$unit")"
done
`;

function unitsIn(printed: string): Map<string, UnitState> {
  return new Map(
    printed
      .split('\n')
      .filter(Boolean)
      .map((line): [string, UnitState] => {
        const [unit = '', active = '', restarts = '', pid = ''] = line.split(' ');
        return [unit, { active, restarts: Number(restarts), mainPid: Number(pid) }];
      }),
  );
}

/** What the watchdogs said since a moment (ms since 1970) about killing something, a line each, with the node before it. */
export async function killsSince(lab: TestLab, since: number): Promise<string[]> {
  const from = Math.floor(since / 1000);
  const script = `journalctl -q --no-pager -o cat --since @${from} -u '*-monitor' | grep 'is unhealthy: kills' || true`;
  const said = await Promise.all(
    lab.nodes.map(async ({ name }) => {
      const lines = (await lab.onNode(name, script)).split('\n').filter(Boolean);
      return lines.map((line) => `node ${name}: ${line}`);
    }),
  );
  return said.flat();
}

/** What etcd said of its leaders and of reads that waited, since a moment (ms since 1970), in the order of time. */
export async function electionsSince(lab: TestLab, since: number): Promise<string[]> {
  const from = Math.floor(since / 1000);
  const words = 'leader|read index|took too long|overloaded|election';
  const script = `journalctl -q --no-pager -o short-iso-precise --since @${from} -u etcd | grep -iE '${words}' | cut -c1-200 || true`;
  const said = await Promise.all(
    lab.masters.map(async ({ name }) => {
      const lines = (await lab.onNode(name, script)).split('\n').filter(Boolean);
      return lines.map(
        (line) => `${line.slice(0, 26)} etcd of ${name}: ${line.slice(26).replace(/^.*?\]: /, '')}`,
      );
    }),
  );
  return said.flat().sort();
}
