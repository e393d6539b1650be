import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { hostname, userInfo } from 'node:os';
import { z } from 'zod';

const holderSchema = z.object({
  token: z.string(),
  who: z.string(),
  host: z.string(),
  pid: z.number(),
  started: z.string(),
  since: z.string(),
  command: z.string(),
});

/** Who holds a lock: a process of a machine. `since` is ISO by that machine's clock. Holds no secret. */
export type Holder = z.infer<typeof holderSchema>;

/** This process as a holder; `command` is what it does (`rotate-certs`, `rollback`, …). */
export function thisHolder(command: string): Holder {
  return {
    token: randomBytes(8).toString('hex'),
    who: `${userInfo().username}@${hostname()}`,
    host: thisHost(),
    pid: process.pid,
    started: startOf(process.pid) ?? '',
    since: new Date().toISOString(),
    command,
  };
}

/** Reads what `JSON.stringify` made of a holder; undefined for anything else. */
export function parseHolder(text: string): Holder | undefined {
  try {
    return holderSchema.parse(JSON.parse(text));
  } catch {
    // Another version's, or damaged: nothing can be said of it, so it counts as alive until it is stale.
    return undefined;
  }
}

/** True only when it is certain: a process of this machine, in this boot, that is no more. */
export function isDead(holder: Holder): boolean {
  return holder.host === thisHost() && startOf(holder.pid) !== holder.started;
}

/** `alice@box (process 12, rotate-certs) since 2026-01-31T10:15:00Z` */
export function describe({ who, pid, command, since }: Holder): string {
  return `${who} (process ${pid}, ${command}) since ${since}`;
}

/** A name for this boot of this machine; other systems than Linux have no boot id. */
function thisHost(): string {
  return `${hostname()} ${textOf('/proc/sys/kernel/random/boot_id') ?? ''}`.trim();
}

/** When a process was started, in the kernel's ticks: a number that is used again tells two processes apart. */
function startOf(pid: number): string | undefined {
  const stat = textOf(`/proc/${pid}/stat`);
  if (stat !== undefined)
    return stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .at(19);
  return process.platform !== 'linux' && answersSignals(pid) ? '' : undefined;
}

function answersSignals(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return undefined;
  }
}
