import type { Side, Trust, World, WorldNode } from './world.js';

interface Leaf {
  readonly side: Side;
  readonly bridged: boolean;
}

/** Accepted: signed by a CA that is trusted, or with the bridge behind it whichever side is trusted. */
function accepts(trust: Trust, { side, bridged }: Leaf): boolean {
  return trust.has(side) || bridged;
}

/**
 * What would fail in this world at this instant: a leaf shown to a verifier that refuses it, a client or a token that an
 * API server does not accept, a certificate without its key. Empty: every request would be answered.
 */
export function offences(world: World): string[] {
  const running = world.masters.filter(({ api }) => api !== undefined);
  const found: string[] = [];
  if (running.length < world.masters.length - 1) found.push('more than one kube-apiserver is away');
  for (const master of running) found.push(...ofApi(world, master));
  for (const member of world.masters) found.push(...ofEtcd(world, member));
  for (const node of world.nodes.values()) found.push(...ofKubelet(world, node, running));
  return found;
}

function ofApi(world: World, master: WorldNode): string[] {
  const { api, name } = master;
  if (!api) return [];
  const serving = world.credential(master, 'apiserver');
  const shown = world.leaf(master, serving.certificate);
  const found = [...world.nodes.values()].flatMap((node) =>
    refusedBy(node, shown).map((who) => `${who} would refuse the serving leaf of ${name}`),
  );
  for (const node of world.nodes.values()) {
    if (!api.verifies.has(node.pod.token))
      found.push(`${name} would refuse the token of the pod on ${node.name}`);
    if (!api.clients.has(node.kubelet.certificate))
      found.push(`${name} would refuse the kubelet of ${node.name}`);
    if (!node.isMaster) continue;
    const client = world.leaf(node, world.credential(node, 'client').certificate);
    if (!accepts(api.clients, client))
      found.push(`${name} would refuse the client certificate of ${node.name}`);
  }
  const signing = world.masters.flatMap(({ api: other }) => other?.signs ?? []);
  if (signing.some((side) => !api.verifies.has(side))) found.push(`${name} would refuse a fresh token`);
  if (world.newAdmin && !(api.clients.has('new') && (shown.side === 'new' || shown.bridged)))
    found.push(`the new admin and ${name} would refuse each other`);
  if (!world.isPair(master, serving.certificate, serving.key))
    found.push(`${name}: kube-apiserver's pair differs`);
  return found;
}

/** Clients of the API on a node that would not accept what a kube-apiserver shows. */
function refusedBy({ name, kubelet, pod, manager }: WorldNode, shown: Leaf): string[] {
  return [
    ...(accepts(kubelet.trust, shown) ? [] : [`kubelet of ${name}`]),
    ...(accepts(pod.trust, shown) ? [] : [`pod on ${name}`]),
    ...(manager && !accepts(manager.trust, shown) ? [`kube-controller-manager of ${name}`] : []),
  ];
}

function ofEtcd(world: World, member: WorldNode): string[] {
  const serving = world.leaf(member, world.etcdCertificate(member, '--cert-file'));
  const client = world.leaf(member, world.credential(member, 'etcdclient').certificate);
  const found: string[] = [];
  if (member.api && !accepts(member.api.etcd, serving))
    found.push(`${member.name}: kube-apiserver refuses etcd`);
  if (member.api && !accepts(member.etcd, client)) found.push(`${member.name}: etcd refuses kube-apiserver`);
  const peer = world.leaf(member, world.etcdCertificate(member, '--peer-cert-file'));
  for (const other of world.masters)
    if (!accepts(other.etcd, peer)) found.push(`etcd of ${other.name} refuses its peer on ${member.name}`);
  return found;
}

/** kube-apiserver as a client of kubelets, which read their CA file at each handshake. */
function ofKubelet(world: World, node: WorldNode, running: readonly WorldNode[]): string[] {
  const trust = world.trustOf(node, world.facts.layout.ca);
  return running
    .filter((master) => !accepts(trust, world.leaf(master, world.credential(master, 'client').certificate)))
    .map((master) => `kubelet of ${node.name} would refuse kube-apiserver of ${master.name}`);
}
