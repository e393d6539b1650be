import { setTimeout as sleep } from 'node:timers/promises';
import pMap from 'p-map';
import type { Layout } from '../../layouts/layout.js';
import { masters, type ClusterNode } from '../../model/cluster.js';
import type { Finding } from '../../model/plan.js';
import { flagsGate } from './flags.js';
import { gateNames, type GateContext, type GateName, type NodeFacts } from './gate.js';
import { etcdAlarmGate, etcdGate, modelGate, nodeReadyGate } from './of-cluster.js';
import { apiGate, clockGate, diskGate, masterGate, otherRotationGate } from './of-nodes.js';

export { gateNames } from './gate.js';

/** What a busy machine may show for a moment, and is gone at the next look. */
const passing: ReadonlySet<string> = new Set<GateName>(['master', 'etcd', 'node-ready']);
const againAfterMs = 2_000;

/**
 * Everything that forbids the start though a person may know better. What may pass by itself is looked at again until it
 * is gone, or for `patienceMs`. Looks only; may be called again.
 */
export async function gateFindings(context: GateContext): Promise<Finding[]> {
  const until = Date.now() + context.patienceMs;
  for (let look = 0; ; look += 1) {
    const findings = await lookOnce(context);
    const waitsFor = findings.filter(({ code }) => passing.has(code) && !context.skipped.includes(code));
    if (waitsFor.length === 0 || Date.now() >= until) return findings;
    if (look === 0) context.onWait(waitsFor);
    await sleep(againAfterMs);
  }
}

async function lookOnce(context: GateContext): Promise<Finding[]> {
  const { layout } = context.facts;
  const nodes = await pMap(context.facts.nodes, (node) => askNode(layout, context.shell, node), {
    concurrency: 8,
  });
  const halfDone = otherRotationGate(nodes);
  // In the middle of a rotation manifests have other names: what they say is not asked before that is settled.
  const ofFlags = halfDone.length > 0 ? [] : flagsGate(context);
  const ofMachines = [...clockGate(nodes), ...diskGate(nodes), ...halfDone];
  if (context.rescue === true) return [...ofMachines, ...apiGate(nodes), ...modelGate(context), ...ofFlags];
  return [
    ...ofMachines,
    ...masterGate(nodes),
    ...(await etcdGate(context)),
    ...(await etcdAlarmGate(context)),
    ...(await nodeReadyGate(context)),
    ...modelGate(context),
    ...ofFlags,
  ];
}

/** The gate `api` alone: masters that still serve though the API does not answer here. */
export async function servingMasters(
  layout: Layout,
  nodes: readonly ClusterNode[],
  shell: GateContext['shell'],
): Promise<Finding[]> {
  return apiGate(await pMap(masters(nodes), (node) => askNode(layout, shell, node), { concurrency: 8 }));
}

/** Gates that were asked to be skipped and are none; empty: all are known. */
export function unknownGates(names: readonly string[]): string[] {
  return names.filter((name) => !gateNames.some((known) => known === name));
}

const folders = ['/etc/kubernetes', '/var/lib', '/var/lib/etcddisk', '/var/lib/kubelet'];

async function askNode(layout: Layout, shell: GateContext['shell'], node: ClusterNode): Promise<NodeFacts> {
  const client = layout.credentials(1).find((spec) => spec.name === 'client');
  const ofMaster =
    node.role === 'master' && client
      ? ['--', String(layout.apiPorts.port), client.certificate, client.key]
      : [];
  const askedAt = Date.now();
  const { stdout } = await shell(node.name).run('gates', [...folders, ...ofMaster]);
  const lines = stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => line.split(' '));
  return { node, askedAt, receivedAt: Date.now(), lines };
}
