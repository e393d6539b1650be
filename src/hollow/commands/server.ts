import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  constants,
  copyFileSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeSync,
} from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { HollowNode } from '../node/node.js';
import type { Answer, Command } from './command.js';

/** Callers at the same time on one machine; more wait. */
const slots = 16;
const both = constants.O_RDWR | constants.O_NONBLOCK;
/** More than a pipe holds is written bit by bit. */
const atOnce = 4096;

/** Answers the commands that scripts call on one machine. */
export class CommandServer {
  /** The machine's folder of commands: the beginning of its PATH. */
  readonly bin: string;
  /** What the stub finds in the environment as HOLLOW. */
  readonly folder: string;
  readonly #node: HollowNode;
  readonly #commands: ReadonlyMap<string, Command>;
  readonly #slots: number[] = [];
  #requests: Socket | undefined;

  constructor(node: HollowNode, commands: ReadonlyMap<string, Command>) {
    this.#node = node;
    this.#commands = commands;
    this.bin = join(node.folder, 'bin');
    this.folder = join(node.folder, 'calls');
  }

  /** Makes the commands, linked to one stub, and begins to answer. */
  start(): void {
    // After a boot what the last one left is gone.
    for (const folder of [this.folder, this.bin]) rmSync(folder, { recursive: true, force: true });
    mkdirSync(this.folder, { recursive: true, mode: 0o700 });
    mkdirSync(this.bin, { recursive: true });
    const stub = join(this.bin, '.stub');
    copyFileSync(fileURLToPath(new URL('./stub.sh', import.meta.url)), stub);
    chmodSync(stub, 0o755);
    for (const name of this.#commands.keys()) symlinkSync('.stub', join(this.bin, name));
    const fifos = ['requests', ...Array.from({ length: slots }, (_, slot) => String(slot))].map((name) =>
      join(this.folder, name),
    );
    const made = spawnSync('mkfifo', ['-m', '600', ...fifos], { encoding: 'utf8' });
    if (made.status !== 0) throw new Error(`mkfifo in ${this.folder}: ${made.stderr || String(made.error)}`);
    const [requests = '', ...answers] = fifos;
    this.#slots.push(...answers.map((file) => openSync(file, both)));
    this.#requests = new Socket({ fd: openSync(requests, both), readable: true, writable: false });
    let rest = '';
    this.#requests.on('data', (bytes: Buffer) => {
      const lines = `${rest}${bytes.toString()}`.split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) this.#told(line.split(' '));
    });
  }

  close(): void {
    this.#requests?.destroy();
    for (const slot of this.#slots) closeSync(slot);
    this.#slots.length = 0;
  }

  #told([slot = '', word = '', input = '']: readonly string[]): void {
    if (slot === 'done') rmSync(join(this.folder, `${word}.taken`), { force: true });
    else void this.#serve(Number(slot), word, input);
  }

  async #serve(slot: number, pid: string, input: string): Promise<void> {
    const { code, out, err } = await this.#answer(slot, pid, input);
    await this.#write(slot, `${pid} ${code} ${encoded(out)} ${encoded(err)}\n`);
  }

  async #answer(slot: number, pid: string, input: string): Promise<Answer> {
    let called = pid;
    try {
      const [, stub = '', ...args] = words(readFileSync(`/proc/${pid}/cmdline`, 'utf8'));
      const name = stub.replace(/.*\//, '');
      called = [name, ...args].join(' ');
      const env = Object.fromEntries(
        words(readFileSync(`/proc/${pid}/environ`, 'utf8')).map((line) => [
          line.replace(/=.*/s, ''),
          line.replace(/^[^=]*=/, ''),
        ]),
      );
      const command = this.#commands.get(name);
      if (!command) throw new Error(`${name} is no command of this machine`);
      return await command({ node: this.#node, args, env, stdin: input === 'in' ? this.#stdin(slot) : '' });
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.#node.log(`command failed: ${called}: ${why}`);
      return { code: 125, err: `${why}\n` };
    }
  }

  #stdin(slot: number): string {
    const file = join(this.folder, `${slot}.in`);
    const text = readFileSync(file, 'utf8');
    rmSync(file);
    return text;
  }

  async #write(slot: number, text: string): Promise<void> {
    for (let rest = Buffer.from(text); rest.length > 0;) {
      const fd = this.#slots[slot];
      if (fd === undefined) return;
      try {
        rest = rest.subarray(writeSync(fd, rest.subarray(0, atOnce)));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
        await sleep(2);
      }
    }
  }
}

function words(text: string): string[] {
  return text.split('\0').slice(0, -1);
}

/** As one word that the shell's `printf %b` turns back. */
function encoded(output: string | Buffer | undefined): string {
  const bytes = Buffer.from(output ?? '');
  if (bytes.length === 0) return '-';
  let text = '';
  for (const byte of bytes)
    text +=
      byte > 0x20 && byte < 0x7f && byte !== 0x5c
        ? String.fromCharCode(byte)
        : `\\0${byte.toString(8).padStart(3, '0')}`;
  return text;
}
