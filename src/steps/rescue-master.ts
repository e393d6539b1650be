import type { StepContext, StepRunner } from './context.js';
import { fileLines } from './file-lines.js';

/** Ends all that holds a certificate on a master, etcd included, and copies the stopped member's data. */
export const stopMaster: StepRunner<'stop-master'> = async (step, context) => {
  const settings = {
    rotation: context.rotation,
    data: step.data,
    manifests: step.manifests.join(' '),
    programs: step.programs.join(' '),
    watchdogs: context.layout.watchdogs.join(' '),
  };
  const args = Object.entries(settings).map(([key, value]) => `${key}=${value}`);
  const { stdout } = await context.shell(step.node).run('stop-master', args, { timeoutMs: 900_000 });
  const copy =
    stdout
      .trim()
      .split('\n')
      .at(-1)
      ?.replace(/^copy /, '') ?? '';
  context.note(`node ${step.node}: copy of its stopped etcd member's data: ${copy}`);
  return { node: step.node, copy };
};

/** Starts a master's etcd member and waits until it is healthy: for that the others must be started too. */
export const startEtcd: StepRunner<'start-etcd'> = async (step, context) => {
  const { layout, shell } = context;
  const { certificate, key } = credential(context, 'etcdclient');
  const args = [String(layout.etcdPorts.client), layout.ca, certificate, key];
  await shell(step.node).run('start-etcd', args, { timeoutMs: 400_000 });
  return { node: step.node, process: 'etcd' };
};

/** Starts a master's kubelet and, by it, its static pods; ends when API server and controller manager answer. */
export const startMaster: StepRunner<'start-master'> = async (step, context) => {
  const { layout, rotation, materials } = context;
  const shell = context.shell(step.node);
  const since = Number((await shell.run('clock')).stdout.trim());
  const { certificate, key } = credential(context, 'client');
  const args = [rotation, layout.ca, String(layout.apiPorts.port), certificate, key];
  await shell.run('start-master', [...args, layout.controllerManager.health], {
    stdin: fileLines(step.files, materials),
    timeoutMs: 700_000,
  });
  return { node: step.node, since, processes: ['kubelet', ...programs(context)] };
};

function programs({ layout }: StepContext): string[] {
  return [layout.apiServer, layout.controllerManager].map(({ program }) => program);
}

function credential({ layout }: StepContext, name: string): { certificate: string; key: string } {
  const spec = layout.credentials(1).find((candidate) => candidate.name === name);
  if (!spec) throw new Error(`layout ${layout.name}: names no ${name}`);
  return spec;
}
