import { mkdir, readFile, readdir, rmdir, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** One mounted cgroup hierarchy. */
export interface Hierarchy {
  readonly path: string;
  readonly version: 1 | 2;
  readonly controllers: readonly string[];
}

const v1Controllers = [
  'cpu',
  'cpuacct',
  'cpuset',
  'memory',
  'devices',
  'freezer',
  'blkio',
  'pids',
  'name=systemd',
];

/** The hierarchies in a mount table (the text of /proc/self/mounts). */
export function hierarchiesIn(mounts: string): Hierarchy[] {
  return mounts.split('\n').flatMap((line): Hierarchy[] => {
    const [, path = '', type, options = ''] = line.split(' ');
    if (type === 'cgroup2') return [{ path, version: 2, controllers: [] }];
    if (type !== 'cgroup') return [];
    const words = options.split(',');
    return [{ path, version: 1, controllers: words.filter((word) => isController(word)) }];
  });
}

function isController(word: string): boolean {
  return v1Controllers.includes(word) || /^(net_cls|net_prio|perf_event|hugetlb|rdma|misc)$/.test(word);
}

/** All control groups of one lab: in every hierarchy a folder named after the lab, in it one for each node. */
export class LabCgroups {
  constructor(
    readonly lab: string,
    readonly hierarchies: readonly Hierarchy[],
  ) {}

  static async ofHost(lab: string): Promise<LabCgroups> {
    const found = hierarchiesIn(await readFile('/proc/self/mounts', 'utf8'));
    if (found.length === 0)
      throw new Error('no cgroup hierarchy is mounted; expected /sys/fs/cgroup of version 1 or 2');
    return new LabCgroups(lab, found);
  }

  /** Whether kubelets here see version 1, whose controllers they must be allowed to use. */
  get isVersion1(): boolean {
    return this.hierarchies.some((each) => each.version === 1 && each.controllers.includes('memory'));
  }

  /** The folders of a node's group, one for each hierarchy. */
  foldersOf(node: string): string[] {
    return this.hierarchies.map((each) => join(each.path, this.lab, node));
  }

  /** Makes the groups of a node, so that processes can enter them; `shares` of a node's time on the processors. Repeatable. */
  async create(node: string, shares = 1): Promise<void> {
    for (const each of this.hierarchies) {
      await delegate(each, each.path);
      const parent = join(each.path, this.lab);
      await makeGroup(each, parent);
      await delegate(each, parent);
      await makeGroup(each, join(parent, node));
      await weighGroup(each, join(parent, node), 1024 * shares, 100 * shares);
    }
  }

  /**
   * Gives the lab more than one process's share of a CPU, since it stands for all nodes; but not a whole share for
   * each node, or whatever else runs on the machine, the prober and the rotation itself included, would starve.
   */
  async weigh(groups: number): Promise<void> {
    for (const each of this.hierarchies)
      await weighGroup(each, join(each.path, this.lab), 512 * groups, Math.min(10_000, 50 * groups));
  }

  /** Process ids in the lab's groups, or in one node's: whatever is in them was started by the lab. */
  async processes(node = ''): Promise<number[]> {
    const tree = this.identifying();
    const pids = await Promise.all((await groupsBelow(join(tree.path, this.lab, node))).map(readProcesses));
    return [...new Set(pids.flat())];
  }

  /** Whether a process belongs to this lab (or to the node of that name). */
  async owns(pid: number, node = ''): Promise<boolean> {
    return (await this.processes(node)).includes(pid);
  }

  /** Stops all processes of the lab where they are, or lets them go on. */
  async freeze(frozen: boolean): Promise<void> {
    const tree = this.identifying();
    const group = join(tree.path, this.lab);
    if (!existsSync(group)) return;
    if (tree.version === 2) return writeFile(join(group, 'cgroup.freeze'), frozen ? '1' : '0');
    const state = frozen ? 'FROZEN' : 'THAWED';
    await writeFile(join(group, 'freezer.state'), state);
    for (let look = 0; look < 500; look++) {
      if ((await readFile(join(group, 'freezer.state'), 'utf8')).trim() === state) return;
      await sleep(10);
    }
    throw new Error(`cgroup ${group}: not ${state} after 5 s`);
  }

  /** Kills whatever runs in the lab's groups; resolves when nothing does. */
  async kill(): Promise<void> {
    for (let round = 0; round < 60; round++) {
      await this.freeze(true).catch(() => undefined);
      const left = await this.processes();
      for (const pid of left) killIfThere(pid);
      await this.freeze(false);
      if (left.length === 0) return;
      await sleep(100);
    }
    throw new Error(
      `lab ${this.lab}: processes ${(await this.processes()).join(', ')} did not end on SIGKILL`,
    );
  }

  /** Removes all groups of the lab, which must be empty of processes. Repeatable. */
  async remove(): Promise<void> {
    for (const each of this.hierarchies) {
      const group = join(each.path, this.lab);
      for (const path of (await groupsBelow(group)).reverse()) await removeGroup(path);
    }
  }

  /** The hierarchy by which processes are told apart: nobody inside a node moves them out of it. */
  private identifying(): Hierarchy {
    const tree =
      this.hierarchies.find((each) => each.controllers.includes('freezer')) ??
      this.hierarchies.find((each) => each.version === 2);
    if (tree === undefined) throw new Error('neither a freezer hierarchy nor cgroup 2 is mounted');
    return tree;
  }
}

async function makeGroup(tree: Hierarchy, path: string): Promise<void> {
  await mkdir(path, { recursive: true });
  if (!tree.controllers.includes('cpuset')) return;
  // A new cpuset is empty, and an empty one takes no process.
  await writeFile(join(tree.path, 'cgroup.clone_children'), '1');
  for (const file of ['cpuset.cpus', 'cpuset.mems']) {
    await writeFile(join(path, file), await readFile(join(tree.path, file)));
  }
}

/** `shares` for version 1, where a process has 1024; `weight` for version 2, where it has 100. */
async function weighGroup(tree: Hierarchy, group: string, shares: number, weight: number): Promise<void> {
  if (tree.controllers.includes('cpu')) await writeFile(join(group, 'cpu.shares'), String(shares));
  const weightFile = join(group, 'cpu.weight');
  if (existsSync(weightFile)) await writeFile(weightFile, String(weight));
}

/** On version 2, lets the groups below use every controller that this one has. */
async function delegate(tree: Hierarchy, path: string): Promise<void> {
  if (tree.version === 1) return;
  const controllers = (await readFile(join(path, 'cgroup.controllers'), 'utf8')).trim().split(' ');
  const wanted = controllers.filter((each) => each !== '').map((each) => `+${each}`);
  if (wanted.length > 0) await writeFile(join(path, 'cgroup.subtree_control'), wanted.join(' '));
}

/** The group and all below it, parents first. */
async function groupsBelow(path: string): Promise<string[]> {
  const entries = await readdir(path, { withFileTypes: true }).catch(ignoreMissing);
  if (entries === undefined) return [];
  const below = await Promise.all(
    entries.filter((entry) => entry.isDirectory()).map((entry) => groupsBelow(join(path, entry.name))),
  );
  return [path, ...below.flat()];
}

async function readProcesses(group: string): Promise<number[]> {
  const text = await readFile(join(group, 'cgroup.procs'), 'utf8').catch(ignoreMissing);
  return (text ?? '').split('\n').filter(Boolean).map(Number);
}

async function removeGroup(path: string): Promise<void> {
  for (let round = 0; ; round++) {
    try {
      await rmdir(path);
      return;
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === 'ENOENT') return;
      // The last process is gone, but the kernel has not yet let go of the group.
      if (code !== 'EBUSY' || round >= 50) throw error;
      await sleep(100);
    }
  }
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function ignoreMissing(error: unknown): undefined {
  const code = (error as NodeJS.ErrnoException).code;
  if (code !== 'ENOENT' && code !== 'ENODEV') throw error;
  return undefined;
}
