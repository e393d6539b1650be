import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, expect, it } from 'vitest';
import { folderOf, startDemo } from './demo.js';

const rounds = 100;
const ways = ['SIGINT', 'SIGTERM', 'SIGKILL'] as const;
/** A rotation that is cut off notices it at its next word with the cluster. */
const patienceMs = 60_000;

const home = mkdtempSync(join(tmpdir(), 'keyroll-starts-'));
afterAll(() => rmSync(home, { recursive: true }));

/** Ports of 127.0.0.0/8 that somebody listens at, as the kernel writes them. */
function listening(): Set<string> {
  const lines = readFileSync('/proc/net/tcp', 'utf8').trim().split('\n').slice(1);
  const sockets = lines.map((line) => line.trim().split(/\s+/));
  return new Set(
    sockets.filter(([, at, , state]) => state === '0A' && at?.slice(6, 8) === '7F').map(([, at]) => at ?? ''),
  );
}

function readOrNothing(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    // It ended meanwhile, or is the kernel's.
    return '';
  }
}

/** Processes that have to do with a cluster: its folder is on their command line or in their environment. */
function processesOf(folder: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) =>
      ['cmdline', 'environ'].some((file) => readOrNothing(`/proc/${pid}/${file}`).includes(folder)),
    )
    .map((pid) => `${pid} ${readOrNothing(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').slice(0, 200)}`);
}

/** Starts a demo, ends it a moment after its cluster was up, and resolves to the cluster's folder. */
async function startAndEnd(round: number): Promise<string> {
  const demo = startDemo(['--masters', '1', '--agents', '1', '--report', join(home, 'report.json')], home);
  const folder = await folderOf(demo);
  // Now in its first words with the cluster, now in a step.
  await sleep((round % 10) * 500);
  demo.child.kill(ways[round % ways.length]);
  await demo.ended;
  return folder;
}

it(
  `is started and ended ${rounds} times, killed every third time, and leaves no process, port or folder`,
  { timeout: 3_600_000 },
  async () => {
    const before = listening();
    for (let round = 0; round < rounds; round += 1) {
      const folder = await startAndEnd(round);
      const left = (): string[] => [
        ...processesOf(folder),
        ...[...listening()].filter((port) => !before.has(port)),
        ...(existsSync(folder) ? [folder] : []),
      ];
      const until = Date.now() + patienceMs;
      while (left().length > 0 && Date.now() < until) await sleep(200);
      expect(left(), `round ${round}, ${ways[round % ways.length] ?? ''}`).toEqual([]);
    }
  },
);
