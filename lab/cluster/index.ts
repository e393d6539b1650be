import { withLock } from '../assets/lock.js';
import type { Progress } from '../assets/index.js';
import { LabCgroups } from './host/cgroups.js';
import { attempt, runInteractive, type CommandOptions, type CommandResult } from './host/command.js';
import { createNetwork, inNetwork, inNetworkWithHosts } from './host/namespace.js';
import { labFolders, nodeFolders } from './machines/folders.js';
import { inGroup, inNode as runInNode, leaderOf, otherMachines, rebootNode } from './machines/run.js';
import { takeDown } from './lifecycle/down.js';
import { restoreSnapshot, takeSnapshot } from './lifecycle/snapshot.js';
import { bringUp, type UpOptions } from './lifecycle/up.js';
import {
  defaultOptions,
  nodeNamed,
  planLab,
  stateDirFromEnvironment,
  type LabNode,
  type LabPlan,
} from './plan.js';
import { existingLab, readRecord } from './record.js';
import { sshCommand, sshFiles } from './ssh.js';

export { status } from './lifecycle/status.js';
export { azureStackHosts, defaultOptions, network, type LabNode, type LabPlan } from './plan.js';
export type { UpOptions } from './lifecycle/up.js';
export type { CommandResult } from './host/command.js';

/** One lab command at a time: a second one waits for the first. */
function locked<T>(stateDir: string, work: () => Promise<T>): Promise<T> {
  return withLock(labFolders({ stateDir }).lock, work, () =>
    console.error(`  another lab command works on ${stateDir}; waiting`),
  );
}

/** Brings the lab up; see bringUp. Resolves to its names and addresses. */
export function up(
  progress: Progress,
  options: Partial<UpOptions> = {},
  stateDir = stateDirFromEnvironment(),
): Promise<LabPlan> {
  const all: UpOptions = { ...defaultOptions, freshPki: false, ...options };
  return locked(stateDir, () => bringUp(stateDir, all, progress));
}

/** Takes the lab down and leaves nothing behind but its keys. Repeatable; does not mind that there is no lab. */
export function down(stateDir = stateDirFromEnvironment()): Promise<void> {
  return locked(stateDir, async () => {
    const record = await readRecord(stateDir);
    await takeDown(planLab(stateDir, record?.options ?? defaultOptions));
  });
}

/** Keeps a copy of the running lab under a name; the nodes stand still while it is made (1 to 3 s). */
export function snapshot(
  name: string,
  progress: Progress,
  stateDir = stateDirFromEnvironment(),
): Promise<void> {
  return locked(stateDir, async () => takeSnapshot(await existingLab(stateDir), name, progress));
}

/** Puts a snapshot back, the operator's files included; resolves when the cluster is healthy. */
export function restore(
  name: string,
  progress: Progress,
  stateDir = stateDirFromEnvironment(),
): Promise<void> {
  return locked(stateDir, async () => restoreSnapshot(await existingLab(stateDir), name, progress));
}

/** Runs a program in the lab's network with the lab's names; resolves to output and exit code, whatever it is. */
export async function exec(
  argv: readonly string[],
  options: CommandOptions = {},
  stateDir = stateDirFromEnvironment(),
): Promise<CommandResult> {
  const { plan } = await existingLab(stateDir);
  return attempt(await asMachine(plan, 'operator', argv), options);
}

/** The command line of a program that stands for a machine of its own in the lab's network: the operator's or a client. */
export async function asMachine(
  plan: LabPlan,
  which: keyof typeof otherMachines,
  argv: readonly string[],
): Promise<string[]> {
  return inGroup(await LabCgroups.ofHost(plan.name), otherMachines[which], inNetworkWithHosts(plan, argv));
}

/** As exec, on this terminal; resolves to the exit code. */
export async function execInteractive(
  argv: readonly string[],
  which: keyof typeof otherMachines = 'operator',
  stateDir = stateDirFromEnvironment(),
): Promise<number> {
  const { plan } = await existingLab(stateDir);
  return runInteractive(await asMachine(plan, which, argv));
}

/**
 * Runs a shell command on a node over SSH as the admin user; words are joined by spaces, as ssh does.
 * @public
 */
export async function ssh(
  node: string,
  argv: readonly string[],
  options: CommandOptions = {},
  stateDir = stateDirFromEnvironment(),
): Promise<CommandResult> {
  const { plan } = await existingLab(stateDir);
  return attempt(inNetworkWithHosts(plan, sshCommand(plan, nodeNamed(plan, node), argv)), options);
}

/** As ssh, on this terminal; without a command a shell. Resolves to the exit code. */
export async function sshInteractive(
  node: string,
  argv: readonly string[],
  stateDir = stateDirFromEnvironment(),
): Promise<number> {
  const { plan } = await existingLab(stateDir);
  return runInteractive(inNetworkWithHosts(plan, sshCommand(plan, nodeNamed(plan, node), argv)));
}

/** Runs a program as root inside a node, without SSH; resolves to its stdout. */
export async function inNode(
  node: string,
  argv: readonly string[],
  stateDir = stateDirFromEnvironment(),
  options: CommandOptions = {},
): Promise<string> {
  const { plan } = await existingLab(stateDir);
  return runInNode(plan, await LabCgroups.ofHost(plan.name), nodeNamed(plan, node), argv, options);
}

/** Reboots a node; resolves when its next systemd runs, which is before its services do. */
export async function reboot(node: string, stateDir = stateDirFromEnvironment()): Promise<void> {
  const { plan } = await existingLab(stateDir);
  await rebootNode(plan, await LabCgroups.ofHost(plan.name), nodeNamed(plan, node));
}

/**
 * Runs a program of the lab itself in the lab's network, on this terminal; the network has the addresses and names of now,
 * also when it was made by an older lab. Resolves to the exit code.
 */
export async function serveInNetwork(
  argv: readonly string[],
  stateDir = stateDirFromEnvironment(),
): Promise<number> {
  const { plan } = await existingLab(stateDir);
  await createNetwork(plan);
  return runInteractive(inNetwork(plan, argv));
}

/** The host's process id of a node's systemd, or undefined while it is down. Another id means it was rebooted. */
export async function bootOf(
  node: string,
  stateDir = stateDirFromEnvironment(),
): Promise<number | undefined> {
  const { plan } = await existingLab(stateDir);
  return leaderOf(plan, await LabCgroups.ofHost(plan.name), nodeNamed(plan, node));
}

/** A node with its folders on the host. */
export interface NodePaths extends LabNode {
  /** Its root as it sees it, without the folders that are bound into it. */
  readonly root: string;
  /** `<pod>.jsonl` files of the clients that ran on it. */
  readonly results: string;
  /** What its systemd said on the console. */
  readonly console: string;
}

/** Where a test finds the lab's parts on the host. */
export interface LabPaths {
  readonly fqdn: string;
  /** `apimodel.json`, `azuredeploy.json`, `kubeconfig/`, `azureuser_rsa`, `known_hosts`. */
  readonly clusterDir: string;
  readonly sshKey: string;
  readonly knownHosts: string;
  /** Folder with kubectl of the cluster's version. */
  readonly binaries: string;
  readonly nodes: readonly NodePaths[];
}

/** Paths of the existing lab. */
export async function paths(stateDir = stateDirFromEnvironment()): Promise<LabPaths> {
  const { plan, record } = await existingLab(stateDir);
  const { key, knownHosts } = sshFiles(plan);
  const nodes = plan.nodes.map((node) => {
    const { root, results, console: log } = nodeFolders(plan, node);
    return { ...node, root, results, console: log };
  });
  return {
    fqdn: plan.fqdn,
    clusterDir: labFolders(plan).cluster,
    sshKey: key,
    knownHosts,
    binaries: record.shared.kubernetes,
    nodes,
  };
}
