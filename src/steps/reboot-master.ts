import { setTimeout as sleep } from 'node:timers/promises';
import type { StepOf } from '../model/plan.js';
import type { StepContext, StepRunner } from './context.js';
import { fileLines } from './file-lines.js';
import { leadElsewhere } from './move-leader.js';
import { readyAnew } from './node-ready.js';
import { patiently } from './patience.js';
import { stage, unitName } from './remote-step.js';
import { masterSettings } from './restart-apiserver.js';

const everyMs = 2_000;
/** From the request for the restart until the master serves again. */
const rebootMs = 25 * 60_000;
/** For how long a restart whose answer was lost may still show. */
const lostAnswerMs = 60_000;

/**
 * Reboots one master through Azure's API. The node takes itself out of the balancer and of service, keyroll has it
 * restarted, and after its boot the node puts itself back: each half finishes without keyroll. Should this master's etcd
 * member lead, leadership moves first, behind a pause.
 * @throws RemoteError, AzureError or Error; a reboot that did not come is called off, and the same step can be run again
 */
export const rebootMaster: StepRunner<'reboot-master'> = async (step, context) => {
  const { node } = step;
  const name = unitName(context.rotation, step.id);
  const leader = await prepare(step, context, name);
  const state = await start(step, context, name, leader);
  if (state !== 'returned') await reboot(context, node, name, state);
  const { stdout } = await context.shell(node).run('reboot-log', [name]);
  const left = leftAt(stdout);
  await readyAnew(context, node, (heartbeat) => Date.parse(heartbeat) >= left);
  return {
    node,
    process: context.layout.apiServer.program,
    processes: ['machine', 'kubelet'],
    etcd: true,
    log: stdout.split('\n').filter(Boolean),
  };
};

async function prepare(step: StepOf<'reboot-master'>, context: StepContext, name: string): Promise<string> {
  const { materials, rotation } = context;
  const shell = context.shell(step.node);
  const until = Date.now() + rebootMs;
  // A run before this one may have asked for the reboot that goes on now.
  await patiently(() => shell.run('reboot-status', [name]), { until, everyMs, also: ['authentication'] });
  if (step.before.length > 0)
    await shell.run('install-files', [rotation], { stdin: fileLines(step.before, materials) });
  await stage(context, step.node, name, { manifest: step.swap.text, files: step.files });
  return leadElsewhere(context, step);
}

/** When the node had left service, ms by its own clock: its log's last word before the reboot. */
function leftAt(log: string): number {
  const [, ms = ''] = [...log.matchAll(/^(\d{13}) parted$/gm)].at(-1) ?? [];
  return Number(ms);
}

/** `returned`: it was rebooted before; else the id of the boot that shall end. */
async function start(
  step: StepOf<'reboot-master'>,
  context: StepContext,
  name: string,
  leader: string,
): Promise<string> {
  const settings = {
    ...masterSettings(step.node, context, true, step.swap, leader),
    rotation: context.rotation,
    probe: context.balancerProbe,
  };
  const args = Object.entries(settings).map(([key, value]) => `${key}=${value}`);
  const { stdout } = await context
    .shell(step.node)
    .run('start-reboot', [name, ...args], { timeoutMs: 700_000 });
  const last = stdout.trimEnd().split('\n').at(-1) ?? '';
  const boot = /^parted (\S+)$/.exec(last)?.[1];
  if (boot === undefined && last !== 'returned')
    throw new Error(`node ${step.node}: expected word that it may be rebooted, found "${last.slice(0, 80)}"`);
  return boot ?? 'returned';
}

async function reboot(context: StepContext, node: string, name: string, boot: string): Promise<void> {
  try {
    await context.restartMachine(node);
  } catch (error) {
    // The restart may have begun although no word of it came.
    if (!(await bootsWithin(context, node, name, boot))) {
      await callOff(context, node, name);
      throw error;
    }
    context.note(`node ${node}: its restart went on although Azure's API said: ${String(error)}`);
  }
  await cameBack(context, node, name);
}

async function bootsWithin(context: StepContext, node: string, name: string, boot: string): Promise<boolean> {
  const until = Date.now() + lostAnswerMs;
  while (Date.now() < until) {
    const seen = await status(context, node, name);
    if (seen !== `waiting ${boot}`) return seen !== 'failed';
    await sleep(everyMs);
  }
  return false;
}

async function cameBack(context: StepContext, node: string, name: string): Promise<void> {
  const until = Date.now() + rebootMs;
  for (;;) {
    const seen = await status(context, node, name);
    if (seen === 'returned 0') return;
    if (seen === 'failed' || seen.startsWith('returned'))
      throw new Error(
        `node ${node}: it did not come back into service as it should (${seen}); see /var/lib/keyroll/steps/${name}/log there, then run the same command again`,
      );
    if (Date.now() >= until) {
      await callOff(context, node, name);
      throw new Error(
        `node ${node}: not back ${rebootMs / 60_000} min after its restart was asked for; see the machine in the portal, then run the same command again`,
      );
    }
    await sleep(everyMs);
  }
}

/** The node's own word; patient, since it is away while it boots. */
async function status(context: StepContext, node: string, name: string): Promise<string> {
  const until = Date.now() + rebootMs;
  const ask = () => context.shell(node).run('reboot-status', [name]);
  return (await patiently(ask, { until, everyMs, also: ['authentication'] })).stdout.trim();
}

/** The node puts itself back into service without a reboot. */
async function callOff(context: StepContext, node: string, name: string): Promise<void> {
  try {
    await context.shell(node).run('reboot-status', [name, 'cancel']);
  } catch (error) {
    context.note(
      `node ${node}: its reboot could not be called off: ${String(error)}; it does so by itself after 30 min`,
    );
  }
}
