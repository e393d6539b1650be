import type { Layout } from '../layouts/layout.js';
import type { ClusterNode } from '../model/cluster.js';
import type { NodeInventory } from '../model/inventory.js';
import type { Materials } from '../model/materials.js';
import type { PhaseName } from '../model/plan.js';
import { parseCertificates } from '../pki/index.js';

/** How far a node has come, told by what is on it and by nothing else. */
export type Standing = 'start' | PhaseName | 'back' | 'between';

/** The order in which a node goes forward. A node between two manifests has come as far as the earlier one at least. */
const ranks: Record<Standing, number> = {
  ...{ start: 0, between: 0, back: 0 },
  ...{ trust: 1, present: 2, refresh: 3, distrust: 4 },
};

export function rankOf(standing: Standing): number {
  return ranks[standing];
}

/**
 * Which phase's work a node shows: a master by the name of kube-apiserver's manifest (a swap gives it its phase's name)
 * and by `ca.crt`, an agent by `ca.crt` alone.
 */
export function standingOf(
  node: ClusterNode,
  inventory: NodeInventory,
  materials: Materials,
  layout: Layout,
): Standing {
  const isNew = holdsNewCa(inventory, materials, layout);
  if (node.role === 'agent') return isNew ? 'refresh' : 'start';
  const names = manifestVariants(inventory, layout);
  const [only] = names;
  if (only === undefined || names.length > 1) return 'between';
  if (only === 'original') return isNew ? 'distrust' : 'start';
  return only === 'present' && isNew ? 'refresh' : only;
}

/** Under which names kube-apiserver's manifest is there: `original`, or the phase's. */
function manifestVariants(
  { files }: NodeInventory,
  { apiServer, manifests }: Layout,
): ('original' | 'trust' | 'present' | 'back')[] {
  const path = (suffix: string): string =>
    `${manifests}/${apiServer.manifest.replace(/\.yaml$/, `${suffix}.yaml`)}`;
  return [
    ...(files.has(path('')) ? (['original'] as const) : []),
    ...(['trust', 'present', 'back'] as const).filter((name) => files.has(path(`-${name}`))),
  ];
}

function holdsNewCa({ files, node }: NodeInventory, materials: Materials, { ca }: Layout): boolean {
  const wanted = parseCertificates(materials.get('ca.crt'), 'ca.crt')[0]?.fingerprint;
  const found = parseCertificates(files.get(ca)?.content ?? '', `node ${node}: ${ca}`);
  return found.length === 1 && found[0]?.fingerprint === wanted;
}
