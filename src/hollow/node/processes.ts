import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Process, Running, Signal } from '../contracts.js';

/** What a process's placeholder does: it tells each signal, and ends when nobody listens to it any more. */
const placeholder = `
trap 'again=1; echo TERM' TERM; trap 'again=1; echo HUP' HUP; trap 'again=1; echo INT' INT
echo ready
again=1
while [ "$again" ]; do again=; while read -r _; do :; done; done`;

/** Ticks of the clock in a second, by which /proc/PID/stat counts; the same on every Linux. */
const ticks = 100;

/**
 * The processes of one machine. The programs run in this process, but each has a real process as its placeholder, so
 * that scripts can send signals with their shell's own \`kill\`, and files below \`proc\` as the kernel would show them.
 */
export class Processes {
  readonly #proc: string;
  readonly #bootedAt: number;
  readonly #running = new Map<number, Entry>();

  /** @param root folder of the machine's files */
  constructor(root: string, bootedAt: number) {
    this.#proc = join(root, 'proc');
    this.#bootedAt = Math.floor(bootedAt / 1000) * 1000 - 60_000;
    mkdirSync(this.#proc, { recursive: true });
    writeFileSync(join(this.#proc, 'stat'), `cpu  0 0 0 0\nbtime ${this.#bootedAt / 1000}\n`);
  }

  get all(): readonly Process[] {
    return [...this.#running.values()];
  }

  /** Starts a program; \`start\` is called with the process id at hand. */
  start(argv: readonly string[], start: () => Running): Process {
    const child = spawn('/bin/sh', ['-c', placeholder, argv[0] ?? 'process'], {
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    if (child.pid === undefined)
      throw new Error(`no process for ${argv[0] ?? ''}: /bin/sh could not be started`);
    this.#write(child.pid, argv);
    const entry = new Entry(child, child.pid, argv, start(), () => this.#forget(entry.pid));
    this.#running.set(child.pid, entry);
    return entry;
  }

  /** The words of \`ps\`, by which pgrep -f finds. */
  find(pattern: RegExp): readonly Process[] {
    return this.all.filter(({ argv }) => pattern.test(argv.join(' ')));
  }

  /** All end at once; resolves when no placeholder is left. */
  async killAll(): Promise<void> {
    const all = this.all;
    for (const process of all) process.signal('KILL');
    await Promise.all(all.map(({ ended }) => ended));
  }

  #write(pid: number, argv: readonly string[]): void {
    const folder = join(this.#proc, String(pid));
    const started = Math.floor(((Date.now() - this.#bootedAt) / 1000) * ticks);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'cmdline'), argv.map((word) => `${word}\0`).join(''));
    // Behind the name: state, and as the twentieth field the start.
    const fields = ['S', ...Array<string>(18).fill('0'), String(started), '0'];
    writeFileSync(join(folder, 'stat'), `${pid} (${(argv[0] ?? '').slice(0, 15)}) ${fields.join(' ')}\n`);
  }

  #forget(pid: number): void {
    this.#running.delete(pid);
    rmSync(join(this.#proc, String(pid)), { recursive: true, force: true });
  }
}

class Entry implements Process {
  readonly startedAt = Date.now();
  readonly ended: Promise<number>;
  readonly #child: ChildProcess;
  readonly #running: Running;

  constructor(
    child: ChildProcess,
    readonly pid: number,
    readonly argv: readonly string[],
    running: Running,
    onEnd: () => void,
  ) {
    this.#child = child;
    this.#running = running;
    child.stdin?.on('error', () => undefined);
    child.stdout?.on('data', (told: Buffer) => {
      for (const word of told.toString().split('\n'))
        if (word !== '' && word !== 'ready') running.signal(word as Signal);
    });
    const gone = new Promise<void>((resolve) => child.on('exit', () => resolve()));
    // Whatever ended the placeholder without its program was a SIGKILL.
    void gone.then(() => running.signal('KILL'));
    this.ended = running.ended.then(async (code) => {
      onEnd();
      child.kill('SIGKILL');
      await gone;
      return code;
    });
  }

  signal(name: Signal): void {
    this.#running.signal(name);
    if (name === 'KILL') this.#child.kill('SIGKILL');
  }
}
