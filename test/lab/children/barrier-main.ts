/**
 * Looks at the lab with keyroll's own eyes: `barrier-main MODEL SSH-HOST SSH-KEY ROTATION PHASE`. Prints as JSON what at
 * this moment is not as the barrier of a phase of a finished rotation wants it.
 */
import { dirname, join } from 'node:path';
import { openFleet } from '../../../src/adapters/ssh/fleet.js';
import { readPrivateKey } from '../../../src/adapters/ssh/key.js';
import { HostKeys } from '../../../src/adapters/ssh/known-hosts.js';
import { loadScripts } from '../../../src/adapters/ssh/scripts.js';
import { StateFolder } from '../../../src/adapters/fs/state-folder.js';
import { observeBarrier } from '../../../src/inventory/observe-barrier.js';
import { aksEngineLinux as layout } from '../../../src/layouts/aks-engine-linux.js';
import { readApiModel } from '../../../src/model/apimodel.js';
import { Materials } from '../../../src/model/materials.js';
import type { PhaseName } from '../../../src/model/plan.js';
import { planPhase } from '../../../src/plan/plan.js';

const [file = '', host = '', key = '', rotation = '', phase = ''] = process.argv.slice(2);
const model = await readApiModel(file, {});
const root = join(dirname(file), '_keyroll');
const state = new StateFolder(root, rotation);
const { nodes, inventories } = state.readBeginning();
const fleet = openFleet({
  jump: { host, port: 22 },
  username: model.adminUsername,
  identity: { key: await readPrivateKey(key) },
  hostKeys: new HostKeys({ own: join(root, 'known_hosts'), strict: true }),
  scripts: await loadScripts(),
});
const facts = {
  ...{ rotation, layout, nodes, adminUsername: model.adminUsername, leaveBridge: false },
  inventories: new Map(inventories.map((inventory) => [inventory.node, inventory])),
};
const shell = (name: string) => {
  const node = nodes.find((each) => each.name === name);
  if (!node) throw new Error(`node ${name}: is not among those of rotation ${rotation}`);
  return fleet.shell(node);
};
const { barrier } = planPhase(phase as PhaseName, facts);
const { deviations } = await observeBarrier(barrier, new Materials(state.readMaterials()), shell);
process.stdout.write(`${JSON.stringify(deviations)}\n`);
await fleet.close();
