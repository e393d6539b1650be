import type { ApiIdentity } from './reach.js';
import { messageOf } from './reach.js';
import type { Session } from './session.js';
import { openRelay, type Relay } from '../adapters/http/relay.js';
import {
  startProbe,
  type ClassConfig,
  type Credentials,
  type Probe,
  type ProbeStats,
} from '../probe/index.js';
import { POD_PROBE } from '../probe/pods.js';
import { podFigures, removePods } from './pod-probing.js';
import type { AnyPhaseName } from '../model/plan.js';
import type { ProbeReport } from '../report/report.js';

const { namespace } = POD_PROBE;
const readPath = `/api/v1/namespaces/${namespace}`;

/** The availability probe of a run: what it asks as whom, and when that changes. */
export interface Probing {
  /** Before a phase begins: old clients end before `distrust`, new ones before the end of the way back. */
  beforePhase(phase: AnyPhaseName): Promise<void>;
  /** After a phase's barrier: new clients begin once every master serves the new chain. */
  afterPhase(phase: AnyPhaseName): Promise<void>;
  /** The final figures; removes what the probe made in the cluster. */
  finish(): Promise<{ probe: ProbeReport; cost?: ProbeStats['worker']; notProbed: readonly string[] }>;
}

/** No probe was wanted or none is possible: the report says so. */
export function noProbing(reason: string): Probing {
  return {
    beforePhase: () => Promise.resolve(),
    afterPhase: () => Promise.resolve(),
    finish: () => Promise.resolve({ probe: {}, notProbed: [reason] }),
  };
}

function credentials({ ca, certificate, key }: ApiIdentity): Credentials {
  return { ca: ca.join(''), cert: certificate, key };
}

/**
 * Starts the probe against the load balancer, as the admin of the present side, on the way by which keyroll reaches it. The
 * probing pods run already (`startPods`).
 */
export async function startProbing(session: Session): Promise<Probing> {
  const relay = session.reach.openApi && (await openRelay(session.reach.openApi));
  if (session.reach.tunneled)
    session.note(
      'the probe reaches the API through the jump host, as keyroll does; its latencies include that way',
    );
  const presented = session.state.journal.has('phase', 'present');
  const goesBack = session.state.journal.has('rollback', session.rotation);
  const refreshed = session.state.journal.has('phase', 'refresh');
  const kept = credentials(presented && !goesBack ? session.newIdentity : session.oldIdentity);
  const { server } = session.reach;
  const target = relay ? { server, connectHost: relay.host, connectPort: relay.port } : { server };
  const oldOnly = credentials({ ...session.oldIdentity, ca: [session.materials.get('old-ca.crt')] });
  const classes: ClassConfig[] = [
    {
      kind: 'fresh',
      name: 'fresh-old-trust',
      targets: [target],
      path: readPath,
      credentials: oldOnly,
      autostart: !refreshed || goesBack,
    },
    {
      kind: 'fresh',
      name: 'fresh-new-trust',
      targets: [target],
      path: readPath,
      credentials: credentials(session.newIdentity),
      autostart: presented && !session.state.journal.has('phase', 'back-refresh'),
    },
    { kind: 'kept-http2', name: 'kept-http2', targets: [target], path: readPath, credentials: kept },
    { kind: 'kept-http1', name: 'kept-http1', targets: [target], path: readPath, credentials: kept },
    { kind: 'write', name: 'write', targets: [target], namespace, credentials: kept },
    { kind: 'watch', name: 'watch', targets: [target], of: 'write', credentials: kept },
  ];
  const probe = await startProbe(
    { classes },
    (stats) => session.emit({ code: 'probe', stats }),
    (error) => session.note(messageOf(error)),
  );
  return probing(session, probe, relay);
}

const keptClasses = ['kept-http2', 'kept-http1', 'write', 'watch'];

function probing(session: Session, probe: Probe, relay: Relay | undefined): Probing {
  return {
    async beforePhase(phase) {
      if (phase === 'distrust') await probe.stopClass('fresh-old-trust');
      if (phase === 'back-distrust') await probe.stopClass('fresh-new-trust');
      if (phase !== 'back-present') return;
      for (const name of keptClasses)
        await probe.setCredentials(name, credentials(session.oldIdentity), true);
    },
    async afterPhase(phase) {
      if (phase !== 'present' && phase !== 'rescue-masters') return;
      if (phase === 'rescue-masters') await probe.stopClass('fresh-old-trust');
      await probe.startClass('fresh-new-trust');
      for (const name of keptClasses)
        await probe.setCredentials(name, credentials(session.newIdentity), true);
    },
    async finish() {
      const [stats, pods] = [await probe.finish(), await podFigures(session)];
      await relay?.close();
      await removePods(session);
      return { probe: { ...stats.classes, ...pods }, cost: stats.worker, notProbed: [] };
    },
  };
}
