import { spawn, type ChildProcess } from 'node:child_process';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import { compiled } from '../hollow/compiled.js';

/** `keyroll demo` as its users start it. */
export interface Demo {
  readonly child: ChildProcess;
  /** What it has said until now. */
  readonly lines: readonly string[];
  /** Resolves when it says such a line. @throws Error with all that it said when it ends before */
  said(line: RegExp): Promise<RegExpExecArray>;
  /** Its exit code; null after a signal. */
  readonly ended: Promise<number | null>;
}

/** @param home where it looks for the user's files */
export function startDemo(args: readonly string[], home: string): Demo {
  const child = spawn(process.execPath, [compiled().main, 'demo', ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, HOME: home },
  });
  const lines: string[] = [];
  const output = createInterface(child.stdout).on('line', (line) => lines.push(line));
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const said = async (wanted: RegExp): Promise<RegExpExecArray> => {
    for (;;) {
      const found = lines.map((line) => wanted.exec(line)).find((match) => match !== null);
      if (found) return found;
      const more = await Promise.race([
        ended.then(() => false),
        new Promise((resolve) => output.once('line', () => resolve(true))),
      ]);
      if (more === false)
        throw new Error(`keyroll demo ended without ${String(wanted)}:\n${lines.join('\n')}`);
    }
  };
  return { child, lines, said, ended };
}

/** The folder of its cluster, when that is up. */
export async function folderOf(demo: Demo): Promise<string> {
  const [, model = ''] = await demo.said(/--api-model (\S+)/);
  return dirname(dirname(model));
}
