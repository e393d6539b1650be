import { chmod, mkdir, readFile, rm } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { run } from './host/command.js';
import type { HostKeys } from './files/system.js';
import { adminUser, network, type LabNode, type LabPlan } from './plan.js';
import { labFolders } from './machines/folders.js';

/** The operator's key pair, and the lab's list of host keys. */
export function sshFiles(plan: Pick<LabPlan, 'stateDir'>) {
  const { cluster } = labFolders(plan);
  return { key: join(cluster, `${adminUser}_rsa`), knownHosts: join(cluster, 'known_hosts') };
}

/** Makes an SSH key pair without passphrase; ssh-keygen sets the modes. Replaces what is there. */
async function makeKey(file: string, type: string, comment: string): Promise<void> {
  await rm(file, { force: true });
  const bits = type === 'rsa' ? ['-b', '2048'] : [];
  await run(['ssh-keygen', '-q', '-t', type, ...bits, '-N', '', '-C', comment, '-f', file]);
}

/** Makes the admin user's key pair in the cluster folder; resolves to the public line. */
export async function makeAdminKey(plan: LabPlan): Promise<string> {
  const { key } = sshFiles(plan);
  await makeKey(key, 'rsa', adminUser);
  return (await readFile(`${key}.pub`, 'utf8')).trim();
}

/** A node's host keys, made once and kept beside the PKI, since RSA keys take long. */
export async function hostKeysOf(plan: LabPlan, node: LabNode): Promise<HostKeys> {
  const folder = join(dirname(labFolders(plan).pki), 'ssh');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await chmod(folder, 0o700);
  const made = ['rsa', 'ecdsa', 'ed25519'].map(async (type): Promise<[string, HostKeys[string]]> => {
    const file = join(folder, `${node.name}_${type}`);
    if (!existsSync(`${file}.pub`)) await makeKey(file, type, `root@${node.name}`);
    return [
      type,
      { privateKey: await readFile(file, 'utf8'), publicKey: await readFile(`${file}.pub`, 'utf8') },
    ];
  });
  return Object.fromEntries(await Promise.all(made));
}

/** The lines of a known_hosts file for one node; the balancer's addresses lead to master 0. */
export function knownHostsLines(plan: LabPlan, node: LabNode, keys: HostKeys): string[] {
  const jump = node.role === 'master' && node.index === 0 ? [plan.fqdn, network.publicBalancer] : [];
  const names = [node.name, node.ip, ...jump].join(',');
  return Object.values(keys).map(
    ({ publicKey }) => `${names} ${publicKey.trim().split(' ').slice(0, 2).join(' ')}`,
  );
}

/** An OpenSSH command line that logs in to a node from the lab's network, with strict host keys. */
export function sshCommand(plan: LabPlan, node: LabNode, argv: readonly string[]): string[] {
  const { key, knownHosts } = sshFiles(plan);
  const options = [
    'BatchMode=yes',
    'StrictHostKeyChecking=yes',
    `UserKnownHostsFile=${knownHosts}`,
    'LogLevel=ERROR',
  ];
  const login = [...options.flatMap((each) => ['-o', each]), '-i', key, `${adminUser}@${node.ip}`];
  return ['ssh', '-F', '/dev/null', ...login, ...(argv.length === 0 ? [] : ['--', ...argv])];
}
