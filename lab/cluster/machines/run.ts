import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run, startDetached, type CommandOptions } from '../host/command.js';
import type { LabCgroups } from '../host/cgroups.js';
import { inNetwork } from '../host/namespace.js';
import { waitFor } from '../host/wait.js';
import { network, type LabNode, type LabPlan } from '../plan.js';
import { programs } from '../kube/binaries.js';
import { boundFolders, nodeFolders } from './folders.js';

/** What nodes share, read-only: all of them use one copy in the page cache. */
export interface Shared {
  /** Folder of Kubernetes binaries. */
  readonly kubernetes: string;
  /** Image archives. */
  readonly images: readonly string[];
}

const script = (name: string): string => fileURLToPath(new URL(`../../node/${name}`, import.meta.url));

/** Group of the lab's processes that belong to no node. */
export const labGroup = '_lab';

/**
 * Groups of programs that stand for other machines: the operator's, and clients'. Each gets its share of the processors
 * apart from the nodes and from whatever else runs in the same session, or a busy shell would make a prober late.
 */
export const otherMachines = { operator: '_operator', client: '_clients' } as const;

/**
 * What the machines get of the processors when all of them want some. In the field each has its own. Masters serve, and the
 * operator's machine measures: where they wait for a processor, requests fail that no rotation broke.
 */
export const processorShares = { master: 3, agent: 2, operator: 3, client: 2 } as const;

/** Boots a node under a supervisor that also boots it again; its root must be mounted. */
export async function startNode(
  plan: LabPlan,
  cgroups: LabCgroups,
  node: LabNode,
  shared: Shared,
): Promise<void> {
  await cgroups.create(node.name, processorShares[node.role]);
  const folders = nodeFolders(plan, node);
  await rm(folders.pidFile, { force: true });
  const nspawn = inNetwork(plan, [
    'env',
    ...environment,
    'systemd-nspawn',
    ...machineArguments(plan, node, shared),
  ]);
  const groups = cgroups.foldersOf(node.name).join(':');
  const supervisor = ['sh', script('supervise.sh'), folders.pidFile, groups, ...nspawn];
  startDetached(inGroup(cgroups, labGroup, supervisor), folders.console);
}

/** A command line that runs `argv` in a group of the lab, which must exist. */
export function inGroup(cgroups: LabCgroups, group: string, argv: readonly string[]): string[] {
  return ['sh', script('enter-cgroups.sh'), cgroups.foldersOf(group).join(':'), ...argv];
}

/** This host may forbid what a sandbox of system calls needs, and kube-proxy writes to /proc/sys/net. */
const environment = ['SYSTEMD_SECCOMP=0', 'SYSTEMD_NSPAWN_API_VFS_WRITABLE=network'];

function machineArguments(plan: LabPlan, node: LabNode, shared: Shared): string[] {
  const folders = nodeFolders(plan, node);
  const bound = Object.entries(boundFolders).map(([name, at]) => {
    return `--bind=${folders[name as keyof typeof boundFolders]}:${at}`;
  });
  const binaries = programs.map(
    (name) => `--bind-ro=${join(shared.kubernetes, name)}:/usr/local/bin/${name}`,
  );
  const images = shared.images.map((path, index) => `--bind-ro=${path}:/opt/lab/images/${index}.tar`);
  return [
    ...['--quiet', '--register=no', '--keep-unit', '--boot', '--capability=all'],
    ...[`--directory=${folders.root}`, `--machine=${node.name}`, `--network-bridge=${network.bridge}`],
    ...[
      '--resolv-conf=off',
      '--timezone=off',
      '--link-journal=no',
      '--console=read-only',
      '--bind=/dev/kmsg',
    ],
    ...[...bound, ...binaries, ...images],
  ];
}

/** The host's process id of a node's systemd, or undefined while the node is down. */
export async function leaderOf(
  plan: LabPlan,
  cgroups: LabCgroups,
  node: LabNode,
): Promise<number | undefined> {
  try {
    const manager = Number(await readFile(nodeFolders(plan, node).pidFile, 'utf8'));
    // The file may be from another boot of the host: only a process in the node's own group is the node's.
    if (!(await cgroups.owns(manager, node.name))) return undefined;
    const children = await readFile(`/proc/${manager}/task/${manager}/children`, 'utf8');
    const [leader] = children.trim().split(' ').filter(Boolean).map(Number);
    return leader;
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}

/** Runs a command as root inside a node, without SSH, and resolves to its stdout. */
export async function inNode(
  plan: LabPlan,
  cgroups: LabCgroups,
  node: LabNode,
  argv: readonly string[],
  options: CommandOptions = {},
): Promise<string> {
  const leader = await leaderOf(plan, cgroups, node);
  if (leader === undefined)
    throw new Error(`node ${node.name}: is not running; run \`lab up\` or \`lab status\``);
  return run(['nsenter', '-t', String(leader), '-m', '-u', '-i', '-n', '-p', '--', ...argv], options);
}

/** Boots a running node again and resolves when its next systemd runs. */
export async function rebootNode(plan: LabPlan, cgroups: LabCgroups, node: LabNode): Promise<void> {
  const before = await leaderOf(plan, cgroups, node);
  if (before === undefined)
    throw new Error(`node ${node.name}: is not running; expected it to; run \`lab up\``);
  // SIGRTMIN+5 asks systemd to reboot.
  process.kill(before, 34 + 5);
  await waitFor({ what: `node ${node.name}: next boot`, seconds: 60 }, async () => {
    const now = await leaderOf(plan, cgroups, node);
    return now === before ? undefined : now;
  });
}
