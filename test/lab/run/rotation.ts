import { copyFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { JournalRecord } from '../../../src/execute/journal.js';
import type { Report } from '../../../src/report/report.js';
import { say } from '../say.js';
import { keep, putBack, type TestLab } from '../test-lab.js';
import { readLab, type LabState } from './cluster-state.js';
import { disturbance, startControl, type ControlResult } from './control.js';
import { runKeyroll, runUntil, type Place } from './keyroll.js';
import { startLoad, type LoadRates, type LoadResult } from './load.js';
import { electionsSince, killsSince } from './node-state.js';
import { keepCredentials, tryCredentials, type Answer } from './old-credentials.js';
import { podCalls, type PodCalls } from './pods.js';
import { watchSecrets, type Watched } from './watcher.js';

/** Everything that was seen of one rotation. */
export interface Rotation {
  readonly lab: TestLab;
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly report: Report;
  readonly journal: readonly JournalRecord[];
  /** Folder of the rotation beside the API model. */
  readonly folder: string;
  /** ms since 1970 of the command's start and end. */
  readonly begun: number;
  readonly ended: number;
  readonly before: LabState;
  readonly after: LabState;
  readonly load?: LoadResult;
  readonly control: ControlResult;
  readonly pods: readonly PodCalls[];
  readonly watched: Watched;
  readonly kills: readonly string[];
  /** What etcd said meanwhile of its leaders and of reads that waited. */
  readonly elections: readonly string[];
  readonly accepted: readonly Answer[];
  readonly refused: readonly Answer[];
}

export interface RotationWish {
  readonly title: string;
  /** 100 reads and 30 writes a second beside it, or so many of each. */
  readonly load: boolean | LoadRates;
  /** Where keyroll is killed; after each the next command goes on. */
  readonly kills?: readonly Place[];
  /** What comes after the last kill, and is not killed. Left out: `resume`. */
  readonly then?: 'resume' | 'rollback';
  /** What happens after the kills and before the last command, with the rotation under way. */
  readonly between?: (lab: TestLab) => Promise<void>;
  /** Break things afterwards, and see that they are named. */
  readonly broken?: boolean;
  /** More arguments for `rotate-certs`. */
  readonly args?: readonly string[];
}

/**
 * Rotates the lab as a user would, and watches. When this machine stalled so long that its own control client got no
 * answer either, and nothing but timeouts failed, that is printed and the rotation is repeated once from where it began.
 */
export async function rotateLab(lab: TestLab, wish: RotationWish): Promise<Rotation> {
  const snapshot = 'before-rotation';
  await keep(snapshot);
  const rotation = await rotateOnce(lab, wish);
  const reason = disturbance(allFailures(rotation), rotation.control.stalls);
  if (reason === undefined) return rotation;
  say(`DISTURBED, repeated once: ${wish.title}: ${reason}`);
  await putBack(snapshot);
  return rotateOnce(lab, wish);
}

/** All failed requests of a rotation: the probe's, the load's, the pods' own. */
export function allFailures({
  report,
  load,
  pods,
}: Rotation): { at: string; error: string; latencyMs: number }[] {
  const classes = [...Object.values(report.probe), ...Object.values(load?.stats.classes ?? {})];
  return [...classes.flatMap(({ failures }) => failures), ...pods.flatMap(({ failures }) => failures)];
}

/** As `rotateLab`, without a snapshot and without a second try. */
export async function rotateOnce(lab: TestLab, wish: RotationWish): Promise<Rotation> {
  const { load: loaded, args = [], kills = [], between, then = 'resume' } = wish;
  const folder = await mkdtemp(join(tmpdir(), 'keyroll-lab-test-'));
  const oldKubeconfig = join(folder, 'old-kubeconfig.json');
  await copyFile(lab.kubeconfig, oldKubeconfig);
  const kept = await keepCredentials(lab, join(folder, 'kept'));
  const accepted = await tryCredentials(lab, kept);
  const before = await readLab(lab);
  const control = await startControl(lab);
  const load =
    loaded === false ? undefined : await startLoad(lab, folder, oldKubeconfig, loaded === true ? {} : loaded);
  const watcher = watchSecrets(lab);
  try {
    const begun = Date.now();
    const report = join(folder, 'report.json');
    // The same command goes on: before the keys were made there is nothing that `resume` could take up.
    for (const place of kills) await runUntil(lab, ['rotate-certs', ...args], place);
    await between?.(lab);
    const command = kills.length === 0 && between === undefined ? 'rotate-certs' : then;
    const { code, stdout, stderr } = await runKeyroll(lab, [command, ...args, '--report', report]);
    const ended = Date.now();
    const watched = watcher.stop();
    const loadLine = await load?.finish();
    const seen = { begun, ended, code, stdout, stderr, watched, control: await control.finish() };
    return {
      ...{ ...seen, lab, before, accepted },
      ...(await written(lab, report, seen)),
      ...(loadLine === undefined ? {} : { load: JSON.parse(loadLine) as LoadResult }),
      pods: await podCalls(lab, begun, ended),
      kills: await killsSince(lab, begun),
      elections: await electionsSince(lab, begun),
      refused: await tryCredentials(lab, kept),
      after: await readLab(lab),
    };
  } finally {
    watcher.stop();
    load?.kill();
    control.kill();
    await rm(folder, { recursive: true, force: true });
  }
}

/** What the command left: its report and its journal. */
async function written(
  lab: TestLab,
  file: string,
  { code, stderr }: { code: number; stderr: string },
): Promise<{ report: Report; journal: JournalRecord[]; folder: string }> {
  if (!existsSync(file))
    throw new Error(`keyroll: ended with ${code} and wrote no report; it said:\n${stderr.slice(-3000)}`);
  const report = JSON.parse(await readFile(file, 'utf8')) as Report;
  const folder = join(lab.clusterDir, '_keyroll', report.rotation);
  const lines = (await readFile(join(folder, 'journal.jsonl'), 'utf8')).split('\n').filter(Boolean);
  return { report, folder, journal: lines.map((line) => JSON.parse(line) as JournalRecord) };
}
