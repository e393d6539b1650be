import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { hostsFile, network, type LabPlan } from '../plan.js';
import { attempt, run } from './command.js';

const namespaceFile = (plan: LabPlan): string => `/run/netns/${plan.name}`;
const configurationFolder = (plan: LabPlan): string => `/etc/netns/${plan.name}`;

/** A command line that runs `argv` in the lab's network, with the host's files. */
export function inNetwork(plan: LabPlan, argv: readonly string[]): string[] {
  return ['nsenter', `--net=${namespaceFile(plan)}`, '--', ...argv];
}

/** A command line that runs `argv` in the lab's network and with the lab's /etc/hosts. */
export function inNetworkWithHosts(plan: LabPlan, argv: readonly string[]): string[] {
  return ['ip', 'netns', 'exec', plan.name, ...argv];
}

/** Whether the lab's network namespace is there. */
export function hasNetwork(plan: LabPlan): boolean {
  return existsSync(namespaceFile(plan));
}

/**
 * Makes the lab's network namespace: loopback, a bridge for the nodes, both balancer addresses and the address that
 * probes come from. It has no route to anywhere else and no interface of the host in it. Repeatable.
 */
export async function createNetwork(plan: LabPlan): Promise<void> {
  if (!hasNetwork(plan)) await run(['ip', 'netns', 'add', plan.name]);
  await writeNamespaceFiles(plan);
  await run(
    inNetworkWithHosts(plan, ['sysctl', '-q', '-e', ...kernelSettings.flatMap((each) => ['-w', each])]),
  );
  const bridge = await attempt(['ip', '-n', plan.name, 'link', 'show', network.bridge]);
  if (bridge.code !== 0) await run(['ip', '-n', plan.name, 'link', 'add', network.bridge, 'type', 'bridge']);
  await run(['ip', '-n', plan.name, '-batch', '-'], { input: addressing(plan) });
}

/** Bridged frames need no firewall of the lab, and duplicate address detection would delay every boot. */
const kernelSettings = [
  'net.ipv4.ip_forward=1',
  'net.ipv4.conf.all.rp_filter=0',
  'net.ipv4.conf.default.rp_filter=0',
  'net.ipv6.conf.all.disable_ipv6=1',
  'net.ipv6.conf.default.disable_ipv6=1',
  'net.bridge.bridge-nf-call-iptables=0',
];

/** Input for `ip -batch`. */
export function addressing(plan: LabPlan): string {
  const { bridge } = network;
  return [
    'link set lo up',
    `address replace ${network.gateway}/${network.prefixLength} dev ${bridge}`,
    `address replace ${network.internalBalancer}/32 dev ${bridge}`,
    `address replace ${network.publicBalancer}/32 dev ${bridge}`,
    `address replace ${network.probeSource}/32 dev ${bridge}`,
    `address replace ${network.azureStack}/32 dev ${bridge}`,
    `link set ${bridge} up`,
    ...plan.nodes.map((node) => `route replace ${node.podCidr} via ${node.ip} dev ${bridge} onlink`),
    '',
  ].join('\n');
}

/** `ip netns exec` lays these files over those in /etc: the lab's names, and no name server. */
async function writeNamespaceFiles(plan: LabPlan): Promise<void> {
  const folder = configurationFolder(plan);
  await mkdir(folder, { recursive: true });
  // `ip netns exec` binds the file that is there: one with the same content stays, so that nobody reads half of it.
  const hosts = join(folder, 'hosts');
  if (!existsSync(hosts) || (await readFile(hosts, 'utf8')) !== hostsFile(plan))
    await writeFile(hosts, hostsFile(plan));
  await writeFile(join(folder, 'resolv.conf'), '# the lab has no name server\n');
}

/**
 * Unplugs what killed nodes left on the bridge: the kernel takes a dead namespace's interfaces away some time later,
 * and until then their names are taken.
 */
export async function unplugNodes(plan: LabPlan): Promise<void> {
  if (!hasNetwork(plan)) return;
  const listed = await attempt(['ip', '-n', plan.name, '-o', 'link', 'show', 'master', network.bridge]);
  for (const name of interfacesIn(listed.stdout))
    await attempt(['ip', '-n', plan.name, 'link', 'delete', name]);
}

/** The names in the output of `ip -o link`: `7: name@if2: <…`. */
export function interfacesIn(listed: string): string[] {
  return [...listed.matchAll(/^\d+: ([^:@\s]+)/gm)].map(([, name = '']) => name);
}

/** Ids of the processes in the lab's network namespace itself (not those of the nodes, which have their own). */
export async function processesInNetwork(plan: LabPlan): Promise<number[]> {
  if (!hasNetwork(plan)) return [];
  const listed = await run(['ip', 'netns', 'pids', plan.name]);
  return listed.split('\n').filter(Boolean).map(Number);
}

/** Removes the namespace with all that is in it. Repeatable. */
export async function removeNetwork(plan: LabPlan): Promise<void> {
  if (hasNetwork(plan)) await run(['ip', 'netns', 'delete', plan.name]);
  await rm(configurationFolder(plan), { recursive: true, force: true });
}
