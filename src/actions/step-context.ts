import { masters } from '../model/cluster.js';
import { calmness } from '../steps/calm.js';
import type { StepContext } from '../steps/context.js';
import { restartMachine } from './azure-restart.js';
import { disruptionGuard } from './guard.js';
import { removeNewFiles, writeNewKubeconfig } from './artifacts.js';
import type { Session } from './session.js';
import { acceptsGap } from './single-master.js';

/** Azure's platform address, from which its balancers probe. */
const azureProbe = '168.63.129.16';

/** Every cluster has it, and it is read through etcd. */
const calmPath = '/api/v1/namespaces/default';

/** What steps see of a session; `stop` ends their waits. */
export function stepContext(session: Session, stop = session.stop): StepContext {
  const { layout } = session;
  const endpoint = (address: string): string => `https://${address}:${layout.etcdPorts.client}`;
  return {
    rotation: session.rotation,
    layout,
    journal: session.state.journal,
    materials: session.materials,
    nodes: () => session.nodes,
    shell: session.shell,
    windows: session.windows,
    kube: session.kube,
    serviceIp: session.serviceIp,
    restartMachine: (node) => restartMachine(session, node),
    balancerProbe: session.options.balancerProbe ?? azureProbe,
    etcdEndpoints: new Map(masters(session.nodes).map(({ name, address }) => [name, endpoint(address)])),
    acceptsGap: acceptsGap(session),
    waitWorkloadsMs: session.options.waitWorkloads,
    note: session.note,
    writeKubeconfig: () => Promise.resolve().then(() => writeNewKubeconfig(session)),
    stop,
    removeKubeconfig: () => removeNewFiles(session),
    stateArchive: () => session.state.archive(),
    guard: disruptionGuard(session.kube, stop),
    calm: calmness({ read: () => session.kube().get(calmPath), stop, note: session.note }),
  };
}
