import { readFile } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { adminUser, hostsFile, network, type LabNode, type LabOptions, type LabPlan } from '../plan.js';
import { images } from '../kube/wishes.js';
import { secret, type NodeFile, type NodeLink } from './file.js';

/** SSH host keys of one node: private and public files by type. */
export interface HostKeys {
  readonly [type: string]: { readonly privateKey: string; readonly publicKey: string };
}

/** What a node's own system files depend on. */
export interface SystemInputs {
  readonly plan: LabPlan;
  readonly options: LabOptions;
  readonly hostKeys: HostKeys;
  /** The admin user's public key, one line. */
  readonly authorizedKey: string;
  /** The admin user's kubeconfig, on masters. */
  readonly adminKubeconfig: string;
}

const files = (name: string): Promise<string> =>
  readFile(new URL(`../../node/${name}`, import.meta.url), 'utf8');
const executable = async (path: string, name: string): Promise<NodeFile> => {
  return { path, content: await files(name), mode: 0o755 };
};

/** Network, accounts, SSH, container runtime, units and scripts of a node. */
export async function systemFiles(inputs: SystemInputs, node: LabNode): Promise<NodeFile[]> {
  const home = `/home/${adminUser}`;
  const kubeconfig = secret(`${home}/.kube/config`, inputs.adminKubeconfig, adminUser);
  return [
    ...identity(inputs.plan, node),
    { path: '/etc/lab/node.env', content: nodeEnvironment(inputs.plan, node) },
    { path: '/etc/default/health-monitor', content: `START_DELAY=${inputs.options.watchdogDelay}\n` },
    { path: '/etc/containerd/config.toml', content: containerdConfiguration },
    { path: '/etc/cni/net.d/10-lab.conflist', content: cniConfiguration(node) },
    { path: '/etc/ssh/sshd_config', content: await files('sshd_config') },
    ...Object.entries(inputs.hostKeys).flatMap(([type, keys]) => hostKeyFiles(type, keys)),
    { path: `/etc/sudoers.d/90-${adminUser}`, content: `${adminUser} ALL=(ALL) NOPASSWD:ALL\n`, mode: 0o440 },
    secret(`${home}/.ssh/authorized_keys`, `${inputs.authorizedKey}\n`, adminUser),
    ...(node.role === 'master' ? [kubeconfig] : []),
    await executable('/usr/local/sbin/lab-node.sh', 'lab-node.sh'),
    await executable('/usr/local/sbin/lab-images.sh', 'lab-images.sh'),
    await executable('/usr/local/bin/health-monitor.sh', 'health-monitor.sh'),
    await executable('/opt/azure/containers/kubelet.sh', 'kubelet.sh'),
    ...(await Promise.all(unitsOf(node).map(unitFile))),
    ...(node.role === 'master' ? [etcdPriority] : []),
    ...weighedUnits(node).map(ownWeight),
    { path: '/etc/systemd/system.conf.d/lab.conf', content: '[Manager]\nDefaultTimeoutStopSec=10s\n' },
    {
      path: '/etc/systemd/journald.conf.d/lab.conf',
      content: '[Journal]\nStorage=persistent\nSystemMaxUse=64M\n',
    },
  ];
}

/**
 * Five nodes share two cores and one disk here. In the field etcd has its own: where it waits behind everybody else, it
 * elects a new leader, and requests fail that nobody's rotation broke. Rarer collections spare the cores.
 */
const etcdPriority: NodeFile = {
  path: '/etc/systemd/system/etcd.service.d/lab.conf',
  content:
    '[Service]\nNice=-10\nIOSchedulingClass=best-effort\nIOSchedulingPriority=0\nEnvironment=GOGC=400\n',
};

interface WeighedUnit {
  readonly unit: string;
  /** Below the root of the node's processor hierarchy. */
  readonly group: string;
  /** 1024 is what one process has. */
  readonly shares: number;
}

/**
 * Services that are busy enough to crowd out a node's containers, each one as heavy as one process; and etcd, which
 * runs whenever it wants to: below system.slice it had a sixtieth of a core while scripts and kubelet were busy, answered
 * no heartbeat for a second, and lost its leadership.
 */
const weighedUnits = (node: LabNode): WeighedUnit[] => [
  { unit: 'kubelet', group: 'system.slice/kubelet.service', shares: 1024 },
  { unit: 'containerd', group: 'system.slice/containerd.service', shares: 1024 },
  ...(node.role === 'master' ? [{ unit: 'etcd', group: 'etcd.service', shares: 16_384 }] : []),
];

/** Puts a service's process into the control group that lab-node.sh made for it, where there is one. */
function ownWeight({ unit, group }: WeighedUnit): NodeFile {
  const processes = `/sys/fs/cgroup/cpu/${group}/cgroup.procs`;
  return {
    path: `/etc/systemd/system/${unit}.service.d/lab-weight.conf`,
    content: `[Service]\nExecStartPost=+/bin/sh -c '[ ! -e ${processes} ] || echo $MAINPID >${processes}'\n`,
  };
}

/** The units that a node starts: those of both roles, and a master's own. */
export function unitsOf(node: LabNode): string[] {
  const both = ['lab-node', 'lab-images', 'kubelet', 'kubelet-monitor', 'containerd-monitor'];
  const master = ['etcd', 'etcd-monitor', 'apiserver-monitor'];
  return [...both, ...(node.role === 'master' ? master : [])].map((name) => `${name}.service`);
}

/** The links that make systemd start the lab's units. */
export function systemLinks(node: LabNode): NodeLink[] {
  const folder = '/etc/systemd/system';
  return unitsOf(node).map((unit) => ({
    path: `${folder}/multi-user.target.wants/${unit}`,
    target: `${folder}/${unit}`,
  }));
}

async function unitFile(unit: string): Promise<NodeFile> {
  return { path: `/etc/systemd/system/${unit}`, content: await files(unit) };
}

function identity(plan: LabPlan, node: LabNode): NodeFile[] {
  const machineId = createHash('sha256').update(node.name).digest('hex').slice(0, 32);
  return [
    { path: '/etc/hostname', content: `${node.name}\n` },
    { path: '/etc/hosts', content: hostsFile(plan) },
    { path: '/etc/machine-id', content: `${machineId}\n`, mode: 0o444 },
    { path: '/etc/resolv.conf', content: '# the lab has no name server\n' },
  ];
}

function hostKeyFiles(type: string, keys: { privateKey: string; publicKey: string }): NodeFile[] {
  const path = `/etc/ssh/ssh_host_${type}_key`;
  return [secret(path, keys.privateKey), { path: `${path}.pub`, content: keys.publicKey }];
}

/** Read by lab-node.sh: one variable a line, no quotes needed. */
function nodeEnvironment(plan: LabPlan, node: LabNode): string {
  const others = plan.nodes.filter((each) => each !== node);
  return [
    `ADDRESS=${node.ip}/${network.prefixLength}`,
    `GATEWAY=${network.gateway}`,
    `WEIGHED="${weighedUnits(node)
      .map(({ group, shares }) => `${group}=${String(shares)}`)
      .join(' ')}"`,
    `POD_ROUTES="${others.map((each) => `${each.podCidr}=${each.ip}`).join(' ')}"`,
    '',
  ].join('\n');
}

/** Addresses of pods lie in /run: after a reboot none is taken. */
function cniConfiguration(node: LabNode): string {
  const ipam = {
    type: 'host-local',
    dataDir: '/run/cni-addresses',
    ranges: [[{ subnet: node.podCidr }]],
    routes: [{ dst: '0.0.0.0/0' }],
  };
  const bridge = { type: 'bridge', bridge: 'cbr0', isGateway: true, ipMasq: false, hairpinMode: true, ipam };
  return `${JSON.stringify({ cniVersion: '0.4.0', name: 'lab', plugins: [bridge] }, null, 2)}\n`;
}

/** Without CAP_SYS_RESOURCE runc fails when a container's OOM score is to be lower than its own. */
const containerdConfiguration = `version = 2
oom_score = 0
disabled_plugins = [
  "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs",
  "io.containerd.internal.v1.tracing", "io.containerd.tracing.processor.v1.otlp"
]

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${images.pause}"
  restrict_oom_score_adj = true
  disable_apparmor = true
  disable_hugetlb_controller = true
  tolerate_missing_hugetlb_controller = true

  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "/etc/cni/net.d"

  [plugins."io.containerd.grpc.v1.cri".containerd]
    default_runtime_name = "runc"

    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"

      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
`;
