import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { WindowsTalk } from '../adapters/ssh/types.js';
import type { StepContext, StepRunner } from './context.js';
import { lastHeartbeat, readyAnew } from './node-ready.js';
import { patiently } from './patience.js';

const progress = z.looseObject({
  state: z.enum(['running', 'done', 'failed', 'stopped', 'absent']),
  message: z.string().optional(),
});
type Progress = z.output<typeof progress>;

/** How often the work is begun: a restart of the machine ends it. */
const attempts = 3;
const everyMs = 3_000;
/** Three resets of a node, each of which may take minutes. */
const timeoutMs = 30 * 60_000;

/**
 * New trust and kubeconfig for one Windows agent. Its reset is a task of the machine itself, which goes on when the reset
 * of the node's network ends the connection; then the node is Ready again. Run again, it finds the task or its result.
 * @throws RemoteError or Error when the task failed; the same step can be run again
 */
export const refreshWindowsNode: StepRunner<'refresh-windows-node'> = async (step, context) => {
  const { rotation, materials, guard } = context;
  await guard.enter(step.node);
  try {
    const before = await lastHeartbeat(context, step.node);
    await context.windows(step.node).talk(async (talk) => {
      const settings = {
        rotation,
        ca: materials.get(step.ca),
        certificate: materials.get(step.certificate),
        key: materials.get(step.key),
      };
      await work(talk, step.node, settings, context);
      await talk.run('End', { rotation });
    }, context.note);
    await readyAnew(context, step.node, (heartbeat) => heartbeat !== before);
    return { node: step.node, processes: ['kubelet', 'kube-proxy'] };
  } finally {
    guard.leave(step.node);
  }
};

type Settings = Readonly<Record<'rotation' | 'ca' | 'certificate' | 'key', string>>;

async function work(
  talk: WindowsTalk,
  node: string,
  settings: Settings,
  context: StepContext,
): Promise<void> {
  let last: Progress = { state: 'absent' };
  const until = Date.now() + timeoutMs;
  for (let attempt = 1; attempt <= attempts; attempt += 1) {
    await patiently(() => talk.run('Begin', settings), { until, everyMs });
    last = await followed(talk, settings.rotation, node, until);
    if (last.state === 'done') return;
    const said = last.message ?? '';
    context.note(`node ${node}: the reset ended as ${last.state}${said === '' ? '' : ` (${said})`}`);
  }
  throw new Error(
    `node ${node}: not reset after ${attempts} attempts (${last.state}${last.message ? `: ${last.message}` : ''}); ` +
      'see c:\\k\\rotate-certs.log there, then run the same command again',
  );
}

async function followed(talk: WindowsTalk, rotation: string, node: string, until: number): Promise<Progress> {
  for (;;) {
    const seen = progress.parse(await patiently(() => talk.run('Result', { rotation }), { until, everyMs }));
    if (seen.state !== 'running') return seen;
    if (Date.now() >= until)
      throw new Error(
        `node ${node}: its reset has not ended after ${timeoutMs / 60_000} min; see c:\\k\\rotate-certs.log there, then run the same command again`,
      );
    await sleep(everyMs);
  }
}
