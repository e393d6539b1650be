import type { StepRunner } from './context.js';

/** The boot unit; on a master also a snapshot of its etcd member. May be called again: a snapshot that is there is kept. */
export const prepareNode: StepRunner<'prepare-node'> = async (step, context) => {
  const shell = context.shell(step.node);
  await shell.run('boot-unit', ['on']);
  const { stdout: left } = await shell.run('await-steps', [], { timeoutMs: 660_000 });
  for (const line of left.split('\n').filter(Boolean)) context.note(`node ${step.node}: ${line}`);
  if (!step.master) return { node: step.node };
  if (step.dead) return { node: step.node };
  const { layout, rotation } = context;
  const client = layout.credentials(1).find((spec) => spec.name === 'etcdclient');
  if (!client) throw new Error(`layout ${layout.name}: names no etcd client certificate`);
  const args = [rotation, String(layout.etcdPorts.client), layout.ca, client.certificate, client.key];
  const { stdout } = await shell.run('etcd-snapshot', args, { timeoutMs: 300_000 });
  const snapshot = stdout.trim();
  context.note(`node ${step.node}: snapshot of its etcd member: ${snapshot}`);
  return { node: step.node, snapshot };
};

/** The rotation's keys, beginning and journal lie on a master, for `keyroll adopt`. May be called again. */
export const keepKeys: StepRunner<'keep-keys'> = async (step, { shell, rotation, stateArchive }) => {
  await shell(step.node).run('keep-state', ['put', rotation], {
    stdin: stateArchive().toString('base64'),
  });
  return { node: step.node };
};

/** Nothing is half done any more, so nothing has to be completed at boot. */
export const releaseNode: StepRunner<'release-node'> = async (step, { shell }) => {
  await shell(step.node).run('boot-unit', ['off']);
  return { node: step.node };
};
