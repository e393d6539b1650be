import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { asMachine } from '../../../lab/cluster/index.js';
import type { TestLab } from '../test-lab.js';
import { spawnApart } from './apart.js';

/** A program of these tests that runs in the lab's network until its standard input ends. */
export interface Child {
  /** Its first line. */
  readonly ready: string;
  /** Ends its input and resolves to its last line. */
  finish(): Promise<string>;
  /** Ends it at once; may be called after `finish`. */
  kill(): void;
}

const entry = (name: string): string => fileURLToPath(new URL(`../children/${name}.ts`, import.meta.url));

/** The command line of a program of these tests. */
export function childCommand(name: string, args: readonly string[]): string[] {
  return [process.execPath, '--import', 'tsx', entry(name), ...args];
}

/** Starts a program and resolves when it has said its first line. @throws Error with what it said when it ended */
export async function startChild(lab: TestLab, name: string, ...args: string[]): Promise<Child> {
  const argv = await asMachine(lab.plan, 'client', childCommand(name, args));
  const child = spawnApart(argv, ['pipe', 'pipe', 'inherit']);
  if (child.stdout === null) throw new Error(`${name}: has no output`);
  const { stdout } = child;
  const lines: string[] = [];
  const ended = new Promise<number>((resolve) => child.once('close', (code) => resolve(code ?? 128)));
  const first = new Promise<string>((resolve) =>
    createInterface(stdout).on('line', (line) => {
      lines.push(line);
      resolve(line);
    }),
  );
  const ready = await Promise.race([
    first,
    ended.then((code) => Promise.reject(endedEarly(name, code, lines))),
  ]);
  return {
    ready,
    kill: () => void child.kill('SIGKILL'),
    finish: () => finish(child, name, ended, lines),
  };
}

async function finish(
  child: ChildProcess,
  name: string,
  ended: Promise<number>,
  lines: readonly string[],
): Promise<string> {
  child.stdin?.end();
  const code = await ended;
  if (code !== 0) throw endedEarly(name, code, lines);
  return lines.at(-1) ?? '';
}

function endedEarly(name: string, code: number, lines: readonly string[]): Error {
  return new Error(`${name}: ended with ${code}, expected 0; it said: ${lines.slice(-5).join(' | ')}`);
}
