import { basename, resolve } from 'node:path';

/** What `lab up` was asked for; recorded in the state folder, so that `restore` and `reboot` repeat it. */
export interface LabOptions {
  readonly masters: number;
  readonly agents: number;
  /** A folder of Kubernetes binaries, or undefined for the lab's own build. */
  readonly kubernetes: string | undefined;
  /** Bound, projected service-account tokens instead of the legacy Secrets. */
  readonly projectedTokens: boolean;
  /** AKS Engine's own kubelet status and sync periods (1 minute each) instead of 10 seconds. */
  readonly aksPeriods: boolean;
  /** Seconds after its start at which a watchdog makes its first check (300 on AKS Engine). */
  readonly watchdogDelay: number;
  /** Seconds from when the keys are made until every certificate of the cluster expires; undefined: years. */
  readonly certificateSeconds?: number | undefined;
  /** Of the cluster's own RSA keys: 4096 as AKS Engine makes them, or 2048, which a model may hold too. */
  readonly keyBits: 2048 | 4096;
}

export const defaultOptions: LabOptions = {
  masters: 3,
  agents: 2,
  kubernetes: undefined,
  projectedTokens: false,
  aksPeriods: false,
  watchdogDelay: 60,
  keyBits: 4096,
};

export interface LabNode {
  readonly name: string;
  readonly role: 'master' | 'agent';
  readonly index: number;
  readonly ip: string;
  /** The /24 of the pods on this node. */
  readonly podCidr: string;
}

/** Names and addresses of one lab: all that follows from its name and size, without any I/O. */
export interface LabPlan {
  readonly name: string;
  readonly stateDir: string;
  readonly dnsPrefix: string;
  readonly fqdn: string;
  readonly vmNumber: string;
  readonly nodes: readonly LabNode[];
}

export const network = {
  location: 'local',
  dnsSuffix: 'cloudapp.azurestack.external',
  subnet: '10.240.0.0/12',
  prefixLength: 12,
  /** The lab's own address on the bridge: the nodes' gateway, and the source of balanced traffic. */
  gateway: '10.240.0.1',
  internalBalancer: '10.240.255.15',
  publicBalancer: '198.51.100.10',
  /** The stand-in for Azure Stack Hub, while it runs. */
  azureStack: '198.51.100.11',
  /** Azure's platform address, from which its balancers probe. */
  probeSource: '168.63.129.16',
  podSubnet: '10.244.0.0/16',
  serviceSubnet: '10.0.0.0/16',
  kubernetesService: '10.0.0.1',
  dnsService: '10.0.0.10',
  bridge: 'lab0',
} as const;

export const adminUser = 'azureuser';
export const agentPool = 'linuxpool';

/** The state folder: `KEYROLL_LAB_DIR`, or the default one. */
export function stateDirFromEnvironment(): string {
  const chosen = process.env['KEYROLL_LAB_DIR'];
  return resolve(chosen === undefined || chosen === '' ? '/var/lib/keyroll-lab' : chosen);
}

/** The 64-bit FNV-1a hash of a text. */
function fnv64(text: string): bigint {
  let hash = 0xcbf29ce484222325n;
  for (const byte of Buffer.from(text)) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  return hash;
}

/**
 * The eight digits in the names of a cluster's machines. Like AKS Engine's they follow from the DNS prefix
 * alone; unlike AKS Engine's they are taken from the hash directly, so nobody may compute them elsewhere.
 */
export function vmNumberOf(dnsPrefix: string): string {
  return (fnv64(dnsPrefix) % 100_000_000n).toString().padStart(8, '0');
}

/** Names and addresses of the lab whose state lies in `stateDir`; the folder's name is the lab's name. */
export function planLab(stateDir: string, options: Pick<LabOptions, 'masters' | 'agents'>): LabPlan {
  const name = basename(stateDir);
  if (!/^[a-z][a-z0-9-]{0,30}$/.test(name)) {
    throw new Error(
      `lab folder ${stateDir}: its last part "${name}" names the lab, its network namespace and its cgroups; ` +
        'expected lower-case letters, digits and dashes; set KEYROLL_LAB_DIR to such a folder',
    );
  }
  const vmNumber = vmNumberOf(name);
  const masters = Array.from({ length: options.masters }, (_, index) => master(vmNumber, index));
  const agents = Array.from({ length: options.agents }, (_, index) => agent(vmNumber, index));
  const fqdn = `${name}.${network.location}.${network.dnsSuffix}`;
  return { name, stateDir, dnsPrefix: name, fqdn, vmNumber, nodes: [...masters, ...agents] };
}

function master(vmNumber: string, index: number): LabNode {
  const name = `k8s-master-${vmNumber}-${index}`;
  const podCidr = `10.244.${index}.0/24`;
  return { name, role: 'master', index, ip: `10.240.255.${5 + index}`, podCidr };
}

function agent(vmNumber: string, index: number): LabNode {
  const name = `k8s-${agentPool}-${vmNumber}-${index}`;
  const podCidr = `10.244.${100 + index}.0/24`;
  return { name, role: 'agent', index, ip: `10.240.0.${4 + index}`, podCidr };
}

/** The masters of a lab, in order. */
export function mastersOf(plan: LabPlan): readonly LabNode[] {
  return plan.nodes.filter((node) => node.role === 'master');
}

/** The node of that name, or an error that names those there are. */
export function nodeNamed(plan: LabPlan, name: string): LabNode {
  const found = plan.nodes.find((node) => node.name === name || shortName(node) === name);
  if (found !== undefined) return found;
  const known = plan.nodes.map((node) => `${node.name} (${shortName(node)})`).join(', ');
  throw new Error(`no node "${name}" in lab ${plan.name}; there are ${known}`);
}

/** A name for people in a hurry: `master-0`, `agent-1`. */
export function shortName(node: LabNode): string {
  return `${node.role}-${node.index}`;
}

/** Hosts of the Azure Stack Hub that the lab pretends to run on, as its API model names them. */
export const azureStackHosts = ['management', 'login'].map(
  (service) => `${service}.${network.location}.azurestack.external`,
);

/** The text of /etc/hosts, the same on every node and in the lab's namespace. */
export function hostsFile(plan: LabPlan): string {
  return [
    '127.0.0.1 localhost',
    ...plan.nodes.map((node) => `${node.ip} ${node.name}`),
    `${network.azureStack} ${azureStackHosts.join(' ')}`,
    `${network.publicBalancer} ${plan.fqdn}`,
    '',
  ].join('\n');
}
