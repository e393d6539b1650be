import { inspectNodes } from '../inventory/inspect.js';
import { addonsNotBack } from './addons.js';
import { placeArtifacts } from './artifacts.js';
import { resumeAutoscaler } from './autoscaler.js';
import { oldCredentials, tryAll } from './old-credentials.js';
import { keepOnMasters } from './phase.js';
import { messageOf } from './reach.js';
import type { ReportBuilder } from './report-builder.js';
import type { Session } from './session.js';

/** After the last restart; workloads were waited for before. */
const addonPatienceMs = 5 * 60_000;

/**
 * Once nothing accepts the old side any more: the proof, and the operator's files; then the rotation counts as finished.
 * @throws Error when an old credential was not refused
 */
export async function conclude(session: Session, report: ReportBuilder): Promise<void> {
  const { layout, model } = session;
  const { nodes } = session.facts();
  const [tried, ended] = await Promise.all([
    tryAll(oldCredentials(session)),
    inspectNodes(nodes, layout, model.adminUsername, session.shell),
  ]);
  report.refused(tried);
  report.ended(ended);
  report.demandRefusals();
  await placeArtifacts(session);
  // Before the rotation counts as ended: nobody takes up one that has.
  await resumeAutoscaler(session);
  session.state.journal.append('finished', session.rotation);
  await keepOnMasters(session);
  report.addons(await addonsNotBack(session, addonPatienceMs).catch((error: unknown) => [messageOf(error)]));
}
