import { masters } from '../model/cluster.js';
import type { Finding } from '../model/plan.js';
import { secondPort } from '../plan/second.js';
import type { GateName } from './gates/gate.js';
import type { RotateOptions } from './options.js';
import type { Session } from './session.js';

/** The code of the note that states the gap, and the gate by which it is accepted unseen. */
const gap = 'single-master-gap' satisfies GateName;
/** From this minor version on kube-apiserver removes its own Endpoints when it ends, also as the last one. */
const endpointsGoSince = 28;
/** Measured: half a second until it ends, 4.5 to 13 s until Kubernetes 1.20 is ready again, 1 to 4 s more for etcd in `distrust`. */
const unanswered = 'nobody answers while kube-apiserver restarts, three times, 5 to 20 s each';

/**
 * Of an only master: how it is kept up, or which gap it will have. To be told before consent is asked for: a gap for want
 * of a second kube-apiserver counts as stated from then on.
 */
export async function singleMaster(session: Session): Promise<Finding[]> {
  const all = masters(session.nodes);
  const [only] = all;
  if (!only || all.length > 1) return [];
  const { stdout } = await session.shell(only.name).run('second-check', [String(secondPort)]);
  const obstacle = stdout.trim();
  session.gapStated = obstacle !== '';
  const minor = Number(session.model.kubernetesVersion.split('.')[1]);
  const gaps = [
    ...withoutSecond(obstacle, session.options),
    ...(minor >= endpointsGoSince
      ? [
          `Kubernetes 1.${minor} takes the only kube-apiserver out of Service kubernetes while it restarts: pods on agents are refused for some seconds, three times`,
        ]
      : []),
  ];
  if (gaps.length > 0)
    return gaps.map((what) => ({
      code: gap,
      where: `node ${only.name}`,
      what,
      next: 'go on when that may be, or mend it first',
    }));
  return [
    {
      code: 'single-master',
      where: `node ${only.name}`,
      what: `is the only master: while its kube-apiserver restarts a second one runs beside it (400 MB, port ${secondPort}), and while the only etcd member restarts requests wait for 1 to 3 s`,
      next: 'there is nothing to do',
    },
  ];
}

function withoutSecond(obstacle: string, options: RotateOptions): string[] {
  if (obstacle !== '') return [`${obstacle}: ${unanswered}`];
  if (!skipsGap(options)) return [];
  return [`should the second kube-apiserver not come up, ${unanswered}: --skip-gate ${gap} was given`];
}

/** Whether the only master may restart with nobody to take its connections: it was stated in this run, or accepted unseen. */
export function acceptsGap({ gapStated, options }: Pick<Session, 'gapStated' | 'options'>): boolean {
  return gapStated || skipsGap(options);
}

function skipsGap({ skipGates = [] }: RotateOptions): boolean {
  return skipGates.includes(gap);
}
