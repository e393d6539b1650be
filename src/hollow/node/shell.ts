import { spawn, type ChildProcess } from 'node:child_process';
import type { CommandServer } from '../commands/server.js';
import { markOf } from './guardian.js';
import type { HollowNode } from './node.js';

/** Where a machine's own commands come first, then those of this computer. */
const systemPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export interface ShellOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Default: nothing to read. */
  readonly stdin?: 'pipe' | 'ignore';
  /** Default: thrown away. */
  readonly output?: 'pipe' | 'ignore';
}

/** Starts real programs on a machine: scripts and the commands that users give. */
export class Shell {
  readonly #node: HollowNode;
  readonly #commands: CommandServer;
  readonly #running = new Set<ChildProcess>();

  constructor(node: HollowNode, commands: CommandServer) {
    this.#node = node;
    this.#commands = commands;
  }

  /** In a process group of its own, whose leader is the returned process. */
  run(
    argv: readonly string[],
    { env = {}, stdin = 'ignore', output = 'ignore' }: ShellOptions = {},
  ): ChildProcess {
    const [program = '', ...args] = argv;
    const child = spawn(program, args, {
      cwd: this.#node.root,
      env: {
        PATH: `${this.#commands.bin}:${systemPath}`,
        LANG: 'C',
        TMPDIR: process.env['TMPDIR'] ?? '/tmp',
        KEYROLL_ROOT: this.#node.root,
        ...markOf(this.#commands.folder),
        ...env,
      },
      detached: true,
      stdio: [stdin, output, output],
    });
    child.stdin?.on('error', () => undefined);
    if (child.pid !== undefined) {
      this.#running.add(child);
      child.on('exit', () => this.#running.delete(child));
    }
    return child;
  }

  /** As when the machine loses its power. */
  killAll(): void {
    for (const child of this.#running) signalGroup(child, 'SIGKILL');
  }
}

/** To a process and all that it started in its group. */
export function signalGroup({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch (error) {
    // It has ended meanwhile, and nobody is left in its group.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
