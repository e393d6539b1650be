import { masters } from '../model/cluster.js';
import type { ManifestSwap } from '../model/plan.js';
import { fileLines, type StepContext, type StepRunner } from './context.js';
import { leadElsewhere } from './move-leader.js';
import { runOnNode } from './remote-step.js';

/**
 * Restarts one master's kube-apiserver, drained, in a unit of its own on the node, and checks on the unit's word that
 * the process runs with its new arguments. With etcd: should this master's member lead, leadership moves first, behind a
 * pause.
 * @throws RemoteError when the unit failed, also when etcd had to be left alone; the same step can be run again
 */
export const restartApiServer: StepRunner<'restart-apiserver'> = async (step, context) => {
  const { layout, materials, rotation, node } = { ...context, node: step.node };
  if (step.before.length > 0) {
    await context.shell(node).run('install-files', [rotation], { stdin: fileLines(step.before, materials) });
  }
  // An only member leads whatever happens.
  const leadership = step.etcd && !step.second ? await leadElsewhere(context, node) : undefined;
  const log = await runOnNode(
    context,
    node,
    step.id,
    'restart-apiserver',
    { ...masterSettings(node, context, step.etcd, step.swap), second_port: String(step.second?.port ?? '') },
    {
      manifest: step.swap.text,
      files: step.files,
      ...(step.second === undefined ? {} : { second: step.second.text }),
    },
  );
  return {
    node,
    process: layout.apiServer.program,
    etcd: step.etcd,
    ...(leadership ? { leadership } : {}),
    log,
  };
};

/** What the scripts of a master's restart are told about it and the other masters. */
export function masterSettings(
  node: string,
  context: StepContext,
  etcd: boolean,
  swap: ManifestSwap,
): Record<string, string> {
  const { layout } = context;
  const all = masters(context.nodes());
  const own = all.find((master) => master.name === node);
  if (!own) throw new Error(`node ${node}: is no master`);
  const others = all.filter((master) => master !== own);
  const [client, etcdClient] = ['client', 'etcdclient'].map((name) =>
    layout.credentials(all.length).find((spec) => spec.name === name),
  );
  if (!client || !etcdClient) throw new Error(`layout ${layout.name}: names no client certificates`);
  return {
    own: own.address,
    service: context.serviceIp,
    port: String(layout.apiPorts.port),
    ports: layout.apiPorts.all.join(' '),
    targets: others.map((master) => master.address).join(' '),
    old: swap.old.join(' '),
    new: swap.new,
    mode: swap.mode,
    owner: swap.owner,
    arguments: swap.arguments.join('\n'),
    watchdogs: layout.watchdogs.join(' '),
    etcd: etcd ? 'yes' : 'no',
    endpoints: others.map((master) => context.etcdEndpoints.get(master.name) ?? '').join(' '),
    certificate: client.certificate,
    key: client.key,
    ca: layout.ca,
    etcd_certificate: etcdClient.certificate,
    etcd_key: etcdClient.key,
  };
}
