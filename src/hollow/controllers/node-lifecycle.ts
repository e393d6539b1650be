import { timestamp, type Condition, type KubeObject } from '../kube/objects.js';
import { pathOf } from '../kube/resources.js';
import type { Controller, ControllerContext, Watched } from './context.js';
import { isReady, type Pod } from './pods.js';
import type { Node } from './tolerations.js';
import type { Outcome } from './work-queue.js';

interface Lease extends KubeObject {
  spec?: { renewTime?: string };
}

/**
 * Nodes whose kubelets are silent for too long become `Unknown`; when a node is no longer Ready, all its pods are marked
 * so too and leave their Endpoints, until their kubelet says otherwise.
 */
export function nodeLifecycle(graceMs: number): Controller {
  return (context) => {
    const leases = context.watch<Lease>('leases');
    const pods = context.watch<Pod>('pods');
    const queue = context.queue('node lifecycle', (name) =>
      reconcile(context, nodes, leases, pods, graceMs, name),
    );
    const nodes: Watched<Node> = context.watch<Node>('nodes', (now, before) => {
      if (now && before && readyOf(before) === 'True' && readyOf(now) !== 'True')
        queue.add(now.metadata.name);
    });
    context.every(context.timings.nodeStatusMs / 2, () => {
      for (const { metadata } of nodes.all) queue.add(metadata.name);
    });
  };
}

const readyOf = ({ status }: Node): string | undefined =>
  status?.conditions?.find(({ type }) => type === 'Ready')?.status;

async function reconcile(
  context: ControllerContext,
  nodes: Watched<Node>,
  leases: Watched<Lease>,
  pods: Watched<Pod>,
  graceMs: number,
  name: string,
): Promise<Outcome> {
  const node = nodes.get(name);
  const ready = node?.status?.conditions?.find(({ type }) => type === 'Ready');
  if (!node || !ready) return undefined;
  const renewed = leases.get(`kube-node-lease/${name}`)?.spec?.renewTime;
  const silentMs = Date.now() - Math.max(...[ready.lastHeartbeatTime, renewed].map(momentOf));
  if (silentMs > graceMs && ready.status !== 'Unknown') await silence(context, name);
  else if (ready.status === 'True') return undefined;
  const own = pods.all.filter(({ spec }) => spec.nodeName === name);
  for (const pod of own.filter(isReady)) await markNotReady(context, pod);
  return undefined;
}

/** ms since 1970; 0 for what was never said. */
const momentOf = (time: string | undefined): number => (time === undefined ? 0 : Date.parse(time));

function silence({ client }: ControllerContext, name: string): Promise<KubeObject> {
  const condition: Condition = {
    type: 'Ready',
    status: 'Unknown',
    reason: 'NodeStatusUnknown',
    message: 'Kubelet stopped posting node status.',
    lastTransitionTime: timestamp(),
  };
  const path = `${pathOf('nodes', undefined, name)}/status`;
  return client.patch(path, { status: { conditions: [condition] } }, 'strategic');
}

async function markNotReady({ client }: ControllerContext, { metadata }: Pod): Promise<void> {
  const condition: Condition = { type: 'Ready', status: 'False', lastTransitionTime: timestamp() };
  const path = `${pathOf('pods', metadata.namespace, metadata.name)}/status`;
  await client.patch(path, { status: { conditions: [condition] } }, 'strategic');
}
