import { readFileSync } from 'node:fs';

/** Ticks of the clock in a second, by which /proc counts; the same on every Linux. */
const ticks = 100;

/** What had been used at a moment, s of CPU, user and system together. */
export interface Used {
  readonly at: number;
  /** This process: all stand-ins. */
  readonly own: number;
  /** What it started and has waited for, and what those had: scripts, and keyroll. */
  readonly children: number;
  /** Processes and threads that were ever started on this computer, by anybody. */
  readonly started: number;
}

export function used(): Used {
  const { userCPUTime, systemCPUTime } = process.resourceUsage();
  // Behind the name in parentheses; user and system time of children are the 14th and 15th field from there.
  const fields = readFileSync('/proc/self/stat', 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  const started = /^processes (\d+)$/m.exec(readFileSync('/proc/stat', 'utf8'))?.[1];
  return {
    at: Date.now() / 1000,
    own: (userCPUTime + systemCPUTime) / 1e6,
    children: (Number(fields[13]) + Number(fields[14])) / ticks,
    started: Number(started),
  };
}
