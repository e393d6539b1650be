import type { ChildProcess } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { asMachine } from '../../../lab/cluster/index.js';
import type { JournalRecord } from '../../../src/execute/journal.js';
import { say } from '../say.js';
import type { TestLab } from '../test-lab.js';
import { spawnApart } from './apart.js';

/** A journal record: when it is written, something is about to happen or has happened. */
export interface Place {
  readonly type: JournalRecord['type'];
  readonly id: RegExp;
  /** Lets the step get on before the kill. Default: 0 */
  readonly afterMs?: number;
}

export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const program = fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url));

/** Starts the built command as on the operator's machine; one that takes longer than 30 minutes is ended. */
async function start(lab: TestLab, [command = '', ...args]: readonly string[]): Promise<ChildProcess> {
  if (!existsSync(program)) throw new Error(`${program}: is missing; run \`npm run build\``);
  const argv = await asMachine(lab.plan, 'operator', [
    ...[process.execPath, program, command, '--api-model', join(lab.clusterDir, 'apimodel.json')],
    ...['--ssh-host', lab.plan.fqdn, '--linux-ssh-private-key', lab.sshKey, '--yes', ...args],
  ]);
  return spawnApart(argv, ['ignore', 'pipe', 'pipe'], 30 * 60_000);
}

function ended(child: ChildProcess): Promise<Ended> {
  let stdout = '';
  let stderr = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    process.stdout.write(text);
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code: code ?? 128, stdout, stderr }));
  });
}

/** Runs the built command in the lab's network to its end. */
export async function runKeyroll(lab: TestLab, args: readonly string[]): Promise<Ended> {
  return ended(await start(lab, args));
}

/** A command that runs. */
export interface Running {
  /** Resolves to how it ended. */
  readonly end: Promise<Ended>;
  readonly gone: () => boolean;
  /** Waits until it has written such a record itself; resolves to the record's id. @throws Error when it ended before */
  until(place: Place): Promise<string>;
  /** Sends a signal to it and to all that it started. */
  signal(name: 'SIGINT' | 'SIGKILL'): void;
}

/** Starts the built command in the lab's network. */
export async function startKeyroll(lab: TestLab, args: readonly string[]): Promise<Running> {
  const before = records(lab);
  const child = await start(lab, args);
  const end = ended(child);
  const gone = (): boolean => child.exitCode !== null || child.signalCode !== null;
  return {
    ...{ end, gone },
    async until(place) {
      let id: string | undefined;
      while (!gone() && id === undefined) {
        await sleep(5);
        id = newId(lab, place, before);
      }
      if (!gone()) await sleep(place.afterMs ?? 0);
      if (!gone() && id !== undefined) return id;
      const { code, stderr } = await end;
      throw new Error(
        `keyroll ${args.join(' ')}: ended with ${code} before its journal had ${place.type} ${String(place.id)}: ${stderr.slice(-2000)}`,
      );
    },
    signal(name) {
      if (!gone()) process.kill(-(child.pid ?? 0), name);
    },
  };
}

/** Runs the built command and kills it with all it started as soon as its journal has the record. */
export async function runUntil(lab: TestLab, args: readonly string[], place: Place): Promise<void> {
  const running = await startKeyroll(lab, args);
  await running.until(place);
  running.signal('SIGKILL');
  await running.end;
  say(`killed at ${place.type} ${String(place.id)}`);
}

/** Those of rotations that have not ended, by journal. */
function records(lab: TestLab): Map<string, JournalRecord[]> {
  const root = join(lab.clusterDir, '_keyroll');
  const journals = (existsSync(root) ? readdirSync(root) : [])
    .map((name) => join(root, name, 'journal.jsonl'))
    .filter((path) => existsSync(path));
  const read = (path: string): JournalRecord[] =>
    // The last line may be half written.
    readFileSync(path, 'utf8')
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as JournalRecord);
  const all = journals.map((path): [string, JournalRecord[]] => [path, read(path)]);
  return new Map(all.filter(([, each]) => each.every(({ type }) => type !== 'finished')));
}

/** All records of rotations that have not ended. */
export function openRecords(lab: TestLab): JournalRecord[] {
  return [...records(lab).values()].flat();
}

function newId(lab: TestLab, { type, id }: Place, before: ReturnType<typeof records>): string | undefined {
  return [...records(lab)]
    .flatMap(([path, all]) => all.slice(before.get(path)?.length ?? 0))
    .find((record) => record.type === type && id.test(record.id))?.id;
}
