/**
 * Moves etcd's leadership as a rotation does, behind a pause on all masters: `move-main MODEL SSH-HOST SSH-KEY`. Prints
 * what the step would have put into the journal.
 */
import { join, dirname } from 'node:path';
import { openFleet } from '../../../src/adapters/ssh/fleet.js';
import { readPrivateKey } from '../../../src/adapters/ssh/key.js';
import { HostKeys } from '../../../src/adapters/ssh/known-hosts.js';
import { loadScripts } from '../../../src/adapters/ssh/scripts.js';
import { aksEngineLinux as layout } from '../../../src/layouts/aks-engine-linux.js';
import type { ClusterNode } from '../../../src/model/cluster.js';
import { readApiModel } from '../../../src/model/apimodel.js';
import type { StepContext } from '../../../src/steps/context.js';
import { members } from '../../../src/steps/etcd.js';
import { moveLeader } from '../../../src/steps/move-leader.js';

const [file = '', host = '', key = '', ...masters] = process.argv.slice(2);
const model = await readApiModel(file, {});
const fleet = openFleet({
  jump: { host, port: 22 },
  username: model.adminUsername,
  identity: { key: await readPrivateKey(key) },
  hostKeys: new HostKeys({ own: join(dirname(file), '_keyroll', 'known_hosts'), strict: false }),
  scripts: await loadScripts(),
});
const nodes = masters.map((master): ClusterNode => {
  const [name = '', address = ''] = master.split('=');
  return { name, address, role: 'master', os: 'linux' };
});
const shell = (name: string) => {
  const node = nodes.find((each) => each.name === name);
  if (!node) throw new Error(`node ${name}: is no master`);
  return fleet.shell(node);
};
// The parts of a rotation's context that the step looks at.
const context = {
  layout,
  journal: { append: () => undefined },
  note: (text: string) => process.stderr.write(`${text}\n`),
  nodes: () => nodes,
  shell,
  etcdEndpoints: new Map(
    nodes.map(({ name, address }) => [name, `https://${address}:${layout.etcdPorts.client}`]),
  ),
} as unknown as StepContext;

const all = await members(context);
const from = all.find(({ leader }) => leader);
const to = all[(all.findIndex(({ leader }) => leader) + 1) % all.length];
if (!from || !to) throw new Error('etcd has no leader, or no other member');
const result = await moveLeader(
  { id: 'move-leader', title: '', kind: 'move-leader', away: [from.node], to: to.node },
  context,
);
process.stdout.write(`${JSON.stringify(result)}\n`);
await fleet.close();
