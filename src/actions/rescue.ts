import { rescuePhaseNames, type Finding, type RescuePhaseName } from '../model/plan.js';
import { waitFor } from '../steps/wait.js';
import type { Report } from '../report/report.js';
import type { Emit } from '../report/events.js';
import { writeArtifacts } from './artifacts.js';
import { mintOnce } from './begin.js';
import { conclude } from './conclude.js';
import { DeclinedError } from './errors.js';
import { tellStock } from './found.js';
import { rememberAddons } from './addons.js';
import { pauseAutoscaler, resumeAutoscaler } from './autoscaler.js';
import { keepDeadToken, keepOldTokens } from './old-credentials.js';
import { startPods } from './pod-probing.js';
import { keepKeysOnMasters, prepareNodes, runPhase } from './phase.js';
import { rescueSummary } from './plan-summary.js';
import { certificateRows, findNotes } from './preview.js';
import { noProbing, startProbing, type Probing } from './probing.js';
import { apiServes, messageOf } from './reach.js';
import { ReportBuilder } from './report-builder.js';
import { markRescue } from './rescue-mark.js';
import { endRun, outcomeOf } from './run.js';
import type { Session } from './session.js';

/** Who decides and who is told. */
export interface RescueRun {
  readonly emit: Emit;
  /** Asked once, after the gap was stated. */
  readonly consent: (notes: readonly Finding[]) => Promise<boolean>;
}

/**
 * Brings back a cluster whose API serves nobody, over SSH alone until it does:
 * 1. state the gap, ask;
 * 2. make the new set and put it on the disk and on all masters;
 * 3. stop all masters, copy the stopped etcd members' data, make all files new, start etcd on all, then the rest;
 * 4. nodes, tokens and workloads take the new side;
 * 5. prove that the old credentials are refused; the operator's files.
 *
 * A rotation to a CA that no bridge leads to goes the same way, though the API serves until its masters stop: its gap is
 * measured by the probe.
 *
 * Fit to be taken up wherever it stopped; there is no way back to certificates that nobody accepts.
 * @throws DeclinedError: nothing was changed. All later errors are in the report, which is returned too.
 */
export async function rescue(session: Session, { consent, emit }: RescueRun): Promise<Report> {
  if (session.materials.names.length > 0) await tellStock(session);
  const served = isServed(session);
  emit({ code: 'certificates', rows: certificateRows(session.facts(), new Date()) });
  emit({ code: 'plan', phases: rescueSummary(session.facts()) });
  const notes = [gap(session), ...(served ? await findNotes(session) : [])];
  for (const finding of notes) emit({ code: 'finding', level: 'note', finding });
  if (!(await consent(notes))) throw new DeclinedError('nothing was changed');
  const report = new ReportBuilder(session);
  let probing = noProbing(
    session.unbridged ? 'the probe had not started' : 'the API served nobody when this began',
  );
  try {
    await mintOnce(session);
    markRescue(session.state.journal);
    writeArtifacts(session);
    if (served) probing = await whileServed(session);
    await goThrough(session, probing, report);
    report.outcome('rotated');
  } catch (error) {
    report.outcome(...outcomeOf(error));
  }
  await resumeAutoscaler(session);
  return endRun(session, probing, report);
}

/** The API serves, and goes on doing so until the first master stops. */
function isServed({ unbridged, state }: Session): boolean {
  const hasStopped = state.journal.records.some(
    ({ type, id }) => type === 'intent' && id.startsWith('rescue-masters/'),
  );
  return unbridged && !hasStopped;
}

/** What only an API that serves can be asked for. */
async function whileServed(session: Session): Promise<Probing> {
  const { probe } = session.options;
  if (probe) await startPods(session);
  await keepOldTokens(session);
  await rememberAddons(session);
  await pauseAutoscaler(session);
  return probe ? startProbing(session) : noProbing('--no-probe was given');
}

async function goThrough(session: Session, probing: Probing, report: ReportBuilder): Promise<void> {
  await session.become(session.newIdentity);
  await prepareNodes(session);
  await keepKeysOnMasters(session);
  await report.observeStart();
  for (const phase of rescuePhaseNames) {
    if (phase === 'rescue-nodes') await apiIsBack(session);
    await onePhase(session, phase, report);
    await probing.afterPhase(phase);
  }
  await conclude(session, report);
}

async function onePhase(session: Session, phase: RescuePhaseName, report: ReportBuilder): Promise<void> {
  const begun = Date.now();
  const observations = await runPhase(session, phase);
  report.phase(phase, Date.now() - begun, observations);
}

/** The way by which it is reached may be another one than that of a dead API. */
async function apiIsBack(session: Session): Promise<void> {
  const { reach, newIdentity, stop } = session;
  await waitFor(
    `${reach.server} serves the new admin`,
    async () => {
      await reach.lookAgain(newIdentity);
      await session.become(newIdentity);
      return (await apiServes(session.kube())) ? true : 'it does not yet';
    },
    { timeoutMs: 300_000, everyMs: 1000, stop },
  );
  await keepDeadToken(session).catch((error: unknown) => {
    session.note(`no old token could be kept for the proof: ${messageOf(error)}`);
  });
}

function gap({ reach, unbridged }: Session): Finding {
  if (unbridged)
    return {
      code: 'unbridged-gap',
      where: reach.server,
      what: "the CA that comes has the present CA's subject, so no bridge leads to it: all masters stop at once, and every request fails until they are back with the new certificates. Kubelets and pods are refused from then on until their nodes and they themselves were restarted, and clients outside until they have the new kubeconfig: some minutes in all",
      next: 'each master keeps a copy of its etcd data, taken while etcd is stopped; there is no way back. A CA with another common name needs no gap',
    };
  return {
    code: 'rescue-gap',
    where: reach.server,
    what: 'serves nobody, and goes on doing so until all masters have been stopped, made new and started again: some minutes. Pods on the nodes go on running, and get the API back when they and their nodes have the new certificates',
    next: 'each master keeps a copy of its etcd data, taken while etcd is stopped; there is no way back',
  };
}
