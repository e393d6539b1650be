import { withApiPort, type Layout } from '../layouts/layout.js';
import { inspectNodes } from '../inventory/inspect.js';
import { readApiModel } from '../model/apimodel.js';
import { byOs } from '../model/cluster.js';
import { backPhaseNames } from '../model/plan.js';
import type { Emit } from '../report/events.js';
import type { Report } from '../report/report.js';
import type { StopRequest } from '../execute/stop.js';
import { StateFolder } from '../adapters/fs/state-folder.js';
import { removeNewFiles } from './artifacts.js';
import { resumeAutoscaler } from './autoscaler.js';
import { NoWayError, DeclinedError } from './errors.js';
import { takeStock } from './found.js';
import { lookBack, reached } from './look-back.js';
import { newCredentials, tryAll } from './old-credentials.js';
import type { RotateOptions } from './options.js';
import { keepOnMasters, runPhase } from './phase.js';
import { demandReturn } from './point-of-no-return.js';
import { startPods } from './pod-probing.js';
import { startProbing, noProbing, type Probing } from './probing.js';
import { stateRoot } from './reach.js';
import { ReportBuilder } from './report-builder.js';
import { endRun, outcomeOf } from './run.js';
import type { Session } from './session.js';
import { singleMaster } from './single-master.js';
import { takeUp } from './take-up.js';
import { withLocks } from './locks.js';

/** Asked once before anything is changed; false: nothing is done. */
export type BackConsent = () => Promise<boolean>;

/**
 * Takes a rotation back, from any point before `distrust`, with no failed request: present, refresh and distrust with the
 * two sides swapped, from what the nodes show. May be given again after an interruption.
 * @throws NoWayError when there is no rotation to take back, or `distrust` has begun; nothing was changed
 */
export async function rollback(
  options: RotateOptions,
  layout: Layout,
  emit: Emit,
  consent: BackConsent,
  stop: StopRequest,
): Promise<Report> {
  // What was begun knew them when it began.
  const model = await readApiModel(options.apiModel, { location: options.location, expiredToo: true });
  return withLocks(stateRoot(options.apiModel), 'rollback', { emit, stop }, async (control) => {
    const state = StateFolder.unfinished(stateRoot(options.apiModel));
    if (!state) throw new NoWayError(nothingToTakeBack(options.apiModel));
    demandReturn(state);
    const session = await takeUp(options, model, withApiPort(layout, model.apiPort), control, state);
    try {
      await takeStock(session);
      demandReturn(state);
      for (const finding of await singleMaster(session)) emit({ code: 'finding', level: 'note', finding });
      if (!(await consent())) throw new DeclinedError('nothing was changed');
      return await goBack(session);
    } finally {
      await session.close();
    }
  });
}

function nothingToTakeBack(model: string): string {
  return `${stateRoot(model)}: holds no rotation that has begun and not ended; if the folder was lost, rebuild it with keyroll adopt`;
}

/** The way back in a session of its own: with its own probe and report. */
export async function goBack(session: Session): Promise<Report> {
  const report = new ReportBuilder(session);
  let probing: Probing = noProbing('the probe had not started');
  try {
    await beginBack(session);
    if (session.options.probe) await startPods(session);
    probing = session.options.probe ? await startProbing(session) : noProbing('--no-probe was given');
    await report.observeStart();
    await wayBack(session, probing, report);
    report.outcome('rolled-back');
  } catch (error) {
    report.outcome(...outcomeOf(error));
  }
  await resumeAutoscaler(session);
  return endRun(session, probing, report);
}

/** Writes down that there is only the way back from now on, and how far the rotation had come. */
export async function beginBack(session: Session): Promise<void> {
  const { journal, rotation } = session.state;
  if (!journal.has('rollback', rotation)) journal.append('rollback', rotation, await reached(session));
  await session.become(session.oldIdentity);
}

/** All phases of the way back, each planned from what the masters show when it begins, and the proof. */
export async function wayBack(session: Session, probing: Probing, report: ReportBuilder): Promise<void> {
  for (const phase of backPhaseNames) {
    await probing.beforePhase(phase);
    session.back = await lookBack(session);
    const begun = Date.now();
    const observations = await runPhase(session, phase);
    report.phase(phase, Date.now() - begun, observations);
    await probing.afterPhase(phase);
  }
  report.refused(await tryAll(newCredentials(session)));
  const { nodes, layout, model } = session;
  report.ended(await inspectNodes(byOs(nodes).nodes, layout, model.adminUsername, session.shell));
  report.demandRefusals();
  await removeNewFiles(session);
  session.state.journal.append('finished', session.rotation, { rolledBack: true });
  await keepOnMasters(session);
}
