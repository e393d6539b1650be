import { LockedError } from '../adapters/fs/folder-lock.js';
import { StateFolder } from '../adapters/fs/state-folder.js';
import { StoppedError, type StopRequest } from '../execute/stop.js';
import { withApiPort, type Layout } from '../layouts/layout.js';
import { readApiModel } from '../model/apimodel.js';
import { phaseNames, type Finding, type PhaseName } from '../model/plan.js';
import { findNotes, certificateRows } from './preview.js';
import type { Emit } from '../report/events.js';
import type { Report } from '../report/report.js';
import { rememberAddons } from './addons.js';
import { pauseAutoscaler, resumeAutoscaler } from './autoscaler.js';
import { writeArtifacts } from './artifacts.js';
import { beginSession, mintOnce } from './begin.js';
import { conclude } from './conclude.js';
import { BlockedError, DeclinedError, NoWayError } from './errors.js';
import { takeStock, tellStock } from './found.js';
import { withLocks } from './locks.js';
import { demandSameSet, givenProfile, isUnbridgeable, profileBlockers } from './given-profile.js';
import type { RotateOptions } from './options.js';
import { checkOperatorFiles } from './operator-files.js';
import { keepOldTokens, keepProxyCerts, triedBeforeDistrust } from './old-credentials.js';
import { keepKeysOnMasters, prepareNodes, runPhase } from './phase.js';
import { startPods } from './pod-probing.js';
import { noProbing, startProbing, type Probing } from './probing.js';
import { GapError } from '../steps/restart-apiserver.js';
import { messageOf, stateRoot } from './reach.js';
import { planSummary } from './plan-summary.js';
import { ReportBuilder } from './report-builder.js';
import { demandReturn } from './point-of-no-return.js';
import { beginBack, goBack, wayBack } from './rollback.js';
import { rescue } from './rescue.js';
import { endRun, outcomeOf } from './run.js';
import type { Session } from './session.js';

/** Asked once, after it was shown what will happen; false: nothing is done. `takenUp`: the rotation that was begun before. */
export type Consent = (notes: readonly Finding[], takenUp?: string) => Promise<boolean>;

/** What `rotate-certs` and `resume` are run with. */
export interface RotateRun {
  readonly options: RotateOptions;
  readonly layout: Layout;
  readonly emit: Emit;
  readonly consent: Consent;
  readonly stop: StopRequest;
  /** `resume` takes up what was begun, and begins nothing. */
  readonly command: 'rotate-certs' | 'resume';
}

/**
 * Rotates a cluster:
 * 1. read the API model, reach the cluster, look at every node; refuse what would hurt;
 * 2. show the certificates and what will happen; ask;
 * 3. make the new set and put it on the disk;
 * 4. make the nodes ready: boot units, etcd snapshots, the new CAs' keys on all masters; start the availability probe;
 * 5. trust, present, refresh, distrust, each behind its barrier;
 * 6. prove that the old credentials are refused;
 * 7. put the operator's new files in place, end the probe, report.
 *
 * A rotation that was begun and not finished is taken up where it stands, in the direction that it had.
 * @throws BlockedError, DeclinedError, LockedError, NoWayError: nothing was changed. All later errors are in the report,
 * which is returned too.
 */
export async function rotate(run: RotateRun): Promise<Report> {
  const { options, emit, stop, command } = run;
  const model = await readApiModel(options.apiModel, {
    location: options.location,
    // What was begun knew them when it began.
    expiredToo: options.force === true || command === 'resume',
  });
  checkOperatorFiles(model);
  const profile = await givenProfile(options, model);
  const blockers = profileBlockers(profile, model, options);
  if (blockers.length > 0) throw new BlockedError(blockers);
  for (const text of model.warnings) emit({ code: 'warning', text });
  const layout = withApiPort(run.layout, model.apiPort);
  const root = stateRoot(options.apiModel);
  return withLocks(root, command, { emit, stop }, async (control) => {
    const unfinished = StateFolder.unfinished(root);
    if (command === 'resume' && !unfinished)
      throw new NoWayError(
        `${root}: holds no rotation that has begun and not ended; begin one with keyroll rotate-certs, or, if the folder was lost, rebuild it with keyroll adopt`,
      );
    demandSameSet(profile, options.certificateProfile ?? '', unfinished);
    const beginning = { unfinished, unbridged: isUnbridgeable(profile, model) };
    const session = await beginSession(options, model, layout, control, beginning);
    try {
      return await rotateSession(session, run);
    } finally {
      await session.close();
    }
  });
}

async function rotateSession(session: Session, run: RotateRun): Promise<Report> {
  if (session.rescue) return rescue(session, run);
  const { consent, emit } = run;
  const isNew = session.materials.names.length === 0;
  if (!isNew) await takeStock(session);
  if (session.state.journal.has('rollback', session.rotation)) return goBack(session);
  if (isNew) emit({ code: 'certificates', rows: certificateRows(session.facts(), new Date()) });
  const open = planSummary(session.facts()).filter(({ phase }) => !session.state.journal.has('phase', phase));
  emit({ code: 'plan', phases: open });
  const notes = await findNotes(session);
  for (const finding of notes) emit({ code: 'finding', level: 'note', finding });
  if (!(await consent(notes, isNew ? undefined : session.rotation)))
    throw new DeclinedError(
      isNew
        ? 'nothing was changed'
        : `this run changed nothing; rotation ${session.rotation} stays where it is`,
    );
  return goForward(session);
}

async function goForward(session: Session): Promise<Report> {
  const report = new ReportBuilder(session);
  let probing: Probing = noProbing('the probe had not started');
  try {
    await prepare(session, report);
    probing = session.options.probe ? await startProbing(session) : noProbing('--no-probe was given');
    const paused = await runPhases(session, probing, report);
    if (!paused) await conclude(session, report);
    report.outcome(paused ? 'paused' : 'rotated');
  } catch (error) {
    report.outcome(...outcomeOf(error));
    await backOnFailure(session, error, probing, report);
  }
  await resumeAutoscaler(session);
  return endRun(session, probing, report);
}

/** What must be so before the first change of trust. Making the keys takes longest, and the nodes need none of them at first. */
async function prepare(session: Session, report: ReportBuilder): Promise<void> {
  await together([
    mintOnce(session),
    prepareNodes(session),
    ...(session.options.probe ? [startPods(session)] : []),
    report.observeStart(),
  ]);
  writeArtifacts(session);
  await keepOldTokens(session);
  await keepProxyCerts(session);
  await keepKeysOnMasters(session);
  await rememberAddons(session);
  await pauseAutoscaler(session);
}

/** All have ended before an error is told, so that nothing goes on behind it. */
async function together(works: readonly Promise<void>[]): Promise<void> {
  await Promise.allSettled(works);
  await Promise.all(works);
}

/** With `--rollback-on-failure`: the way back, unless it is closed, or somebody only asked to stop. */
async function backOnFailure(
  session: Session,
  error: unknown,
  probing: Probing,
  report: ReportBuilder,
): Promise<void> {
  const { options, state, stop } = session;
  if (!options.rollbackOnFailure || stop.requested) return;
  // Whose lock is gone must not change anything more. A gap that nobody accepted would be one on the way back too.
  if ([StoppedError, LockedError, GapError].some((kind) => error instanceof kind)) return;
  try {
    demandReturn(state);
    session.note(`going back, because ${messageOf(error)}`);
    // What the failed step began on its node goes on without its connection.
    await tellStock(session);
    await beginBack(session);
    await wayBack(session, probing, report);
    report.outcome('rolled-back', messageOf(error));
  } catch (backError) {
    const [outcome, text] = outcomeOf(backError);
    report.outcome(outcome, `${messageOf(error)}; then, on the way back: ${text}`);
  }
}

/** True when `--pause-after` ended the run before the last phase. */
async function runPhases(session: Session, probing: Probing, report: ReportBuilder): Promise<boolean> {
  for (const phase of phaseNames) {
    if (phase === 'distrust') report.accepted(await triedBeforeDistrust(session));
    await probing.beforePhase(phase);
    await onePhase(session, phase, report);
    await probing.afterPhase(phase);
    if (session.options.pauseAfter === phase && isFirstPause(session, phase)) return true;
  }
  return false;
}

/** Once for each phase: the same command goes on. */
function isFirstPause({ state: { journal } }: Session, phase: PhaseName): boolean {
  const id = `paused/${phase}`;
  if (journal.has('fact', id)) return false;
  journal.append('fact', id);
  return true;
}

async function onePhase(session: Session, phase: PhaseName, report: ReportBuilder): Promise<void> {
  const begun = Date.now();
  const observations = await runPhase(session, phase);
  report.phase(phase, Date.now() - begun, observations);
  if (phase === 'present') await session.become(session.newIdentity);
}
