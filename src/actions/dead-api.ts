import { isIP, isIPv4 } from 'node:net';
import type { Layout } from '../layouts/layout.js';
import type { ClusterNode } from '../model/cluster.js';
import type { NodeInventory } from '../model/inventory.js';
import type { Finding } from '../model/plan.js';
import { mastersOf, originalArguments, type Facts } from '../plan/facts.js';
import type { Reach } from './reach.js';

/** Forbids the start when no API server serves the model's admin and nobody asked for a rescue. */
export function silentApi({ server }: Reach): Finding {
  return {
    code: 'api-silent',
    where: server,
    what: "serves nobody who comes with the API model's admin certificate",
    next: 'make it reachable; if its certificates have expired, or it is down for good, give --force: all masters are then stopped, made new and started together',
  };
}

/**
 * Masters that are known by name alone get the address that etcd tells the others; their certificates hold addresses.
 * @throws Error naming the node when its etcd has none
 */
export function withEtcdAddresses(
  nodes: readonly ClusterNode[],
  inventories: ReadonlyMap<string, NodeInventory>,
  { etcdDefaults }: Layout,
): ClusterNode[] {
  return nodes.map((node) => {
    if (node.role !== 'master' || isIP(node.address) !== 0) return node;
    const text = inventories.get(node.name)?.files.get(etcdDefaults)?.content ?? '';
    const address = /--advertise-client-urls[= ]https?:\/\/([^:\s"'/]+)/.exec(text)?.[1] ?? '';
    if (isIP(address) === 0)
      throw new Error(
        `node ${node.name}: ${etcdDefaults} has no address in --advertise-client-urls; expected https://ADDRESS:PORT; restore the file`,
      );
    return { ...node, address };
  });
}

/**
 * The address of Service default/kubernetes, when no API can be asked: the first of the range that kube-apiserver's
 * manifest names, as kube-apiserver itself takes it (kubernetes v1.20 pkg/controlplane/services.go).
 */
export function serviceIpFromManifest(facts: Facts): string {
  const [first] = mastersOf(facts);
  const flag = '--service-cluster-ip-range=';
  const { manifest } = facts.layout.apiServer;
  const found = first && originalArguments(facts, first.name, manifest).find((one) => one.startsWith(flag));
  const base = found?.slice(flag.length).split(/[/,]/)[0] ?? '';
  if (!isIPv4(base))
    throw new Error(
      `node ${first?.name ?? '?'}: ${manifest} has ${found ?? `no ${flag}`}, expected a range such as 10.0.0.0/16; restore the manifest`,
    );
  const number = base.split('.').reduce((sum, part) => sum * 256 + Number(part), 0) + 1;
  return [24, 16, 8, 0].map((shift) => Math.floor(number / 2 ** shift) % 256).join('.');
}
