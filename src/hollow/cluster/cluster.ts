import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KeySpec } from '../../pki/index.js';
import { kubeApiserver } from '../api/index.js';
import { aggregatedApiserver } from '../aggregated/index.js';
import { kubeControllerManager } from '../controllers/index.js';
import type { Program, Surroundings, Timings } from '../contracts.js';
import { Etcd } from '../etcd/index.js';
import { Runtime, type ProgramFor } from '../kubelet/runtime.js';
import type { HostNetwork } from '../network/host-network.js';
import { Network } from '../network/network.js';
import { Guardian, markOf } from '../node/guardian.js';
import { HollowMachine } from '../node/machine.js';
import { addonManager } from '../programs/addon-manager.js';
import { caller, type Calls } from '../programs/caller.js';
import { kubeProxy } from '../programs/kube-proxy.js';
import { podProbe } from '../programs/pod-probe/index.js';
import { kubeScheduler } from '../programs/scheduler.js';
import { newKeyPair } from '../ssh/key-pair.js';
import { Admin } from './admin.js';
import { openEdge, type Edge } from './edge.js';
import { nodeFiles } from './files.js';
import { writeModel } from './model.js';
import { makePki } from './pki.js';
import { adminUser, mastersOf, type ClusterPlan, type PlannedNode, type Size } from './plan.js';
import { defineServices } from './services.js';

export interface HollowOptions extends Size {
  readonly timings: Timings;
  /** Kind of all keys of the cluster. */
  readonly keys: KeySpec;
  /** Until the watchdogs look for the first time, ms; 300 s on AKS Engine. */
  readonly watchdogDelayMs: number;
  /** Bound, projected service-account tokens instead of the legacy Secrets. */
  readonly projectedTokens: boolean;
  /** When all certificates of the cluster expire; left out: in thirty years. */
  readonly certificatesEnd?: Date;
  /** When the front proxy's CA and certificate expire; left out: with the others. */
  readonly frontProxyEnd?: Date;
}

/** A cluster whose machines and daemons are stand-ins in this process. */
export class HollowCluster {
  readonly folder: string;
  readonly plan: ClusterPlan;
  /** The operator's folder, with the API model and the kubeconfig in it. */
  readonly operatorFolder: string;
  readonly modelFile: string;
  readonly ssh: {
    readonly host: string;
    readonly port: number;
    readonly keyFile: string;
    readonly knownHosts: string;
  };
  readonly machines: readonly HollowMachine[];
  readonly etcd: Etcd;
  readonly calls: Calls;
  readonly admin: Admin;
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.folder = parts.folder;
    this.plan = parts.edge.plan;
    this.operatorFolder = parts.operatorFolder;
    this.modelFile = parts.modelFile;
    this.ssh = {
      host: this.plan.balancer,
      port: parts.edge.sshPort,
      keyFile: parts.keyFile,
      knownHosts: parts.knownHosts,
    };
    this.machines = parts.machines;
    this.etcd = parts.etcd;
    this.calls = parts.calls;
    this.admin = parts.admin;
  }

  machine(name: string): HollowMachine {
    const found = this.machines.find(({ node }) => node.name === name);
    if (!found) throw new Error(`no machine ${name} in this cluster`);
    return found;
  }

  /** For the environment of a program that is to end, by force, when the cluster does. */
  get mark(): { readonly HOLLOW: string } {
    return markOf(this.operatorFolder);
  }

  /** How many sockets its machines and their clients hold in this process. */
  get openSockets(): number {
    return this.#parts.network.pairs.size;
  }

  /** Ends everything; nothing is left on this computer. May be called again. */
  async stop(): Promise<void> {
    const { edge, admin, machines, etcd, network, guardian } = this.#parts;
    edge.close();
    admin.close();
    etcd.stop();
    await Promise.all(machines.map((machine) => machine.stop()));
    network.close();
    await guardian.finish();
  }
}

interface Parts {
  readonly folder: string;
  readonly edge: Edge;
  readonly operatorFolder: string;
  readonly modelFile: string;
  readonly keyFile: string;
  readonly knownHosts: string;
  readonly machines: readonly HollowMachine[];
  readonly etcd: Etcd;
  readonly calls: Calls;
  readonly admin: Admin;
  readonly network: Network<HostNetwork>;
  readonly guardian: Guardian;
}

/**
 * Makes a cluster and waits until all of it is well: machines, etcd, control plane, nodes, workloads.
 * @param say told what is waited for
 * @throws Error when it does not become well; then nothing of it is left
 */
export async function startCluster(
  options: HollowOptions,
  say: (line: string) => void = () => undefined,
): Promise<HollowCluster> {
  const folder = mkdtempSync(join(tmpdir(), 'keyroll-hollow-'));
  const guardian = new Guardian(folder);
  const network = new Network<HostNetwork>();
  const edge = await openEdge(options, network, options.timings).catch(async (error: unknown) => {
    network.close();
    await guardian.finish();
    throw error;
  });
  const cluster = new HollowCluster(await assemble(options, { folder, guardian, network, edge }));
  try {
    await Promise.all(cluster.machines.map((machine) => machine.systemd.boot()));
    say(`etcd leads from ${cluster.etcd.consensus?.leader ?? 'nowhere'}`);
    await cluster.admin.furnish(say);
    return cluster;
  } catch (error) {
    await cluster.stop();
    throw error;
  }
}

async function assemble(
  options: HollowOptions,
  base: Pick<Parts, 'folder' | 'guardian' | 'network' | 'edge'>,
): Promise<Parts> {
  const { folder, edge } = base;
  const { plan } = edge;
  const user = newKeyPair();
  const pki = await makePki(plan, options.keys, {
    end: options.certificatesEnd,
    frontProxyEnd: options.frontProxyEnd,
  });
  const inputs = { plan, pki, options, authorizedKey: user.public };
  const etcd = new Etcd(options.timings);
  const calls: Calls = { requests: 0, failed: 0 };
  const made = plan.nodes.map((node) => makeMachine(options, base, node, etcd));
  const machines = made.map(({ machine }) => machine);
  // As Azure's resolver does for machines of one network.
  for (const { name, address } of plan.nodes) base.network.names.set(name, address);
  for (const [index, node] of plan.nodes.entries()) {
    const machine = machines[index];
    if (!machine) continue;
    for (const file of nodeFiles(inputs, node)) machine.node.write(file);
    await machine.start();
    const runtime = new Runtime(machine.node, programs(options.timings, etcd, machine, calls));
    machine.whenStopped(() => runtime.vanish());
    defineServices({
      plan,
      node,
      machine,
      runtime,
      etcd,
      timings: options.timings,
      watchdogDelayMs: options.watchdogDelayMs,
    });
  }
  const operatorFolder = join(folder, 'operator');
  mkdirSync(operatorFolder, { mode: 0o700 });
  const modelFile = writeModel(operatorFolder, inputs);
  const keyFile = join(operatorFolder, 'id_ecdsa');
  writeFileSync(keyFile, user.private, { mode: 0o600 });
  const knownHosts = join(operatorFolder, 'known_hosts');
  writeFileSync(
    knownHosts,
    knownHostsText(
      edge,
      made.map(({ hostKey }) => hostKey),
    ),
  );
  const [first] = mastersOf(plan);
  const admin = new Admin(
    plan,
    machines.find(({ node }) => node.name === first?.name)?.node ?? fail(),
    options.timings,
  );
  return { ...base, operatorFolder, modelFile, keyFile, knownHosts, machines, etcd, calls, admin };
}

function fail(): never {
  throw new Error('a cluster needs a master');
}

function makeMachine(
  options: HollowOptions,
  { folder, network }: Pick<Parts, 'folder' | 'network'>,
  node: PlannedNode,
  etcd: Etcd,
): { machine: HollowMachine; hostKey: string } {
  const hostKey = newKeyPair();
  const machine = new HollowMachine({
    name: node.name,
    address: node.address,
    folder: join(folder, node.name),
    network,
    timings: options.timings,
    etcd,
    adminUser,
    hostKey: hostKey.private,
  });
  return { machine, hostKey: hostKey.public };
}

function knownHostsText({ plan, sshPort }: Edge, keys: readonly string[]): string {
  const short = (key: string): string => key.trim().split(' ').slice(0, 2).join(' ');
  const lines = plan.nodes.map(
    ({ name, address }, index) => `${name},${address} ${short(keys[index] ?? '')}`,
  );
  return [`[${plan.balancer}]:${sshPort} ${short(keys[0] ?? '')}`, ...lines, ''].join('\n');
}

/** Which program a container's command line is, on one machine. */
function programs(timings: Timings, etcd: Etcd, machine: HollowMachine, calls: Calls): ProgramFor {
  const surroundings: Surroundings = { timings, dialEtcd: etcd.dial };
  const known: Readonly<Record<string, Program>> = {
    'kube-apiserver': kubeApiserver(surroundings),
    'kube-controller-manager': kubeControllerManager(surroundings),
    aggregated: aggregatedApiserver(surroundings),
    'kube-scheduler': kubeScheduler(timings),
    'kube-addon-manager': addonManager(timings),
    'kube-proxy': kubeProxy(machine.node.network, timings),
    client: caller(timings, calls),
    python3: podProbe(),
  };
  return ([command = '']) => known[command.replace(/.*\//, '')];
}
