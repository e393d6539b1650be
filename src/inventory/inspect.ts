import { createHash } from 'node:crypto';
import pMap from 'p-map';
import type { NodeShell } from '../adapters/ssh/types.js';
import type { Layout } from '../layouts/layout.js';
import type { ClusterNode } from '../model/cluster.js';
import type { NodeInventory, SeenFile, SeenKey, SeenProcess } from '../model/inventory.js';

/** What `inspect.sh` is asked for on a node of this layout. */
export function questions(
  layout: Layout,
  node: ClusterNode,
  masters: number,
  adminUsername: string,
): string[] {
  const specs = layout.credentials(masters);
  const common = [
    ...[layout.ca, layout.kubeconfig, ...layout.untouched].map((path) => `file:${path}`),
    ...specs.map((spec) => `file:${spec.certificate}`),
    ...specs.map((spec) => `key:${spec.key}`),
    `key:${layout.kubeletClient}`,
    ...layout.watchdogs.map((unit) => `unit:${unit}`),
    'clock:',
    'boot:',
  ];
  if (node.role === 'agent') return [...common, 'program:kubelet'];
  return [
    ...common,
    `file:${layout.frontProxyCa}`,
    `key:${layout.caKey}`,
    `file:${layout.adminKubeconfig(adminUsername)}`,
    `folder:${layout.manifests}`,
    ...[layout.apiServer, layout.controllerManager, ...layout.restartedPods].map(
      ({ program }) => `program:${program}`,
    ),
    'program:kubelet',
    'program:etcd',
  ];
}

/** Looks at all nodes, 8 at a time. */
export async function inspectNodes(
  nodes: readonly ClusterNode[],
  layout: Layout,
  adminUsername: string,
  shell: (node: string) => NodeShell,
): Promise<Map<string, NodeInventory>> {
  const masters = nodes.filter((node) => node.role === 'master').length;
  const seen = await pMap(
    nodes,
    async (node) => {
      const { stdout } = await shell(node.name).run(
        'inspect',
        questions(layout, node, masters, adminUsername),
      );
      return parseInspection(node.name, stdout);
    },
    { concurrency: 8 },
  );
  return new Map(seen.map((inventory) => [inventory.node, inventory]));
}

/** Reads what `inspect.sh` printed. @throws Error naming the node and the line that is not understood */
export function parseInspection(node: string, output: string): NodeInventory {
  const files = new Map<string, SeenFile>();
  const keys = new Map<string, SeenKey>();
  const units = new Map<string, { active: string; enabled: string }>();
  const processes: SeenProcess[] = [];
  let clock = 0;
  let boot = '';
  for (const line of output.split('\n').filter(Boolean)) {
    const [kind, name = '', a = '', b = '', c = ''] = line.split(' ');
    if (kind === 'file') files.set(name, { path: name, mode: a, owner: b, content: decode(c) });
    else if (kind === 'key') keys.set(name, { path: name, mode: a, owner: b, fingerprint: fingerprintOf(c) });
    else if (kind === 'unit') units.set(name, { active: a, enabled: b });
    else if (kind === 'process') {
      processes.push({
        program: name,
        pid: Number(a),
        startedAt: Number(b),
        arguments: decode(c).split('\n').filter(Boolean),
      });
    } else if (kind === 'clock') clock = Number(name);
    else if (kind === 'boot') boot = name;
    else if (kind !== 'absent')
      throw new Error(`node ${node}: the inspection said "${line.slice(0, 60)}", which is not understood`);
  }
  return { node, files, keys, units, processes, clock, boot };
}

/** SHA-256 of a public key in DER. */
function fingerprintOf(base64: string): string {
  return createHash('sha256').update(Buffer.from(base64, 'base64')).digest('hex');
}

function decode(base64: string): string {
  return Buffer.from(base64, 'base64').toString('utf8');
}
