import { StoppedError } from '../execute/stop.js';
import type { Outcome, Report } from '../report/report.js';
import { PodsRemainError } from '../steps/orphan-pods.js';
import { placesOf } from './places.js';
import type { Probing } from './probing.js';
import { messageOf } from './reach.js';
import type { ReportBuilder } from './report-builder.js';
import type { Session } from './session.js';

/** How a run ends that an error ended. */
export function outcomeOf(error: unknown): [Outcome, string] {
  if (error instanceof StoppedError) return ['stopped', error.message];
  return [error instanceof PodsRemainError ? 'pods-remain' : 'failed', messageOf(error)];
}

/** Ends the probe, and builds and tells the report. */
export async function endRun(session: Session, probing: Probing, report: ReportBuilder): Promise<Report> {
  report.probed(await endProbing(session, probing));
  report.places(placesOf(session));
  const result = report.build();
  session.emit({ code: 'report', report: result });
  return result;
}

async function endProbing(
  session: Session,
  probing: Probing,
): Promise<Awaited<ReturnType<Probing['finish']>>> {
  try {
    return await probing.finish();
  } catch (error) {
    session.note(`the probe's figures are lost: ${messageOf(error)}`);
    return { probe: {}, notProbed: [messageOf(error)] };
  }
}
