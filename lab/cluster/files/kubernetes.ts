import { network, type LabNode, type LabOptions, type LabPlan } from '../plan.js';
import type { Binaries } from '../kube/binaries.js';
import { chooseFlags, kubeletConfigurationFile, type Flags } from '../kube/flags.js';
import { staticPods } from '../kube/manifests.js';
import { etcdFlags, kubeletFlags, kubeletKubeconfig } from '../kube/wishes.js';
import type { NodeFile } from './file.js';

/** What a node's Kubernetes files depend on. */
export interface KubernetesInputs {
  readonly plan: LabPlan;
  readonly options: LabOptions;
  readonly binaries: Binaries;
  /** Whether kubelets run on cgroup version 1. */
  readonly cgroupVersion1: boolean;
}

/** Configuration of kubelet and, on masters, of the control plane and etcd. */
export function kubernetesFiles(inputs: KubernetesInputs, node: LabNode): NodeFile[] {
  const { binaries, cgroupVersion1 } = inputs;
  const configuration = kubeletConfigurationFile(binaries.minor, cgroupVersion1);
  const both: NodeFile[] = [
    { path: '/etc/default/kubelet', content: kubeletDefaults(inputs, node, configuration !== undefined) },
    { path: kubeletKubeconfig, content: nodeKubeconfig(node) },
    ...(configuration === undefined
      ? []
      : [{ path: '/etc/kubernetes/kubelet.yaml', content: configuration }]),
  ];
  return node.role === 'agent' ? both : [...both, ...masterFiles(inputs, node)];
}

function masterFiles({ plan, options, binaries }: KubernetesInputs, node: LabNode): NodeFile[] {
  const manifests = Object.entries(staticPods(plan, node, options, binaries));
  return [
    ...manifests.map(([name, content]) => ({ path: `/etc/kubernetes/manifests/${name}`, content })),
    { path: '/etc/default/etcd', content: `DAEMON_ARGS=${commandLine(etcdFlags(plan, node)).join(' ')}\n` },
    { path: '/etc/kubernetes/addons/audit-policy.yaml', content: auditPolicy },
  ];
}

/** etcd 3.3 takes `--flag value` and `--flag=value`; a flag that is only switched on stands alone. */
function commandLine(flags: Flags): string[] {
  return Object.entries(flags).map(([flag, value]) => (value === 'true' ? flag : `${flag}=${value}`));
}

/** Labels that a kubelet may give its own node; those below kubernetes.io are set through the API. */
function kubeletLabels(node: LabNode): string {
  if (node.role === 'master') return 'kubernetes.azure.com/role=master';
  return 'kubernetes.azure.com/role=agent,agentpool=linuxpool';
}

/** Labels by which AKS Engine marks the role of a node. */
export function roleLabels(node: LabNode): string[] {
  return [`kubernetes.io/role=${node.role}`, `node-role.kubernetes.io/${node.role}=`];
}

/** The taint of masters; its name changed with 1.24. */
function masterTaint(minor: number): string {
  return `node-role.kubernetes.io/${minor >= 24 ? 'control-plane' : 'master'}=true:NoSchedule`;
}

function kubeletDefaults(inputs: KubernetesInputs, node: LabNode, configuration: boolean): string {
  const { options, binaries } = inputs;
  const { args } = chooseFlags(kubeletFlags(node, options, configuration), binaries.help.kubelet);
  const taints = node.role === 'master' ? `--register-with-taints=${masterTaint(binaries.minor)}` : '';
  return [
    `KUBELET_CONFIG=${args.join(' ')}`,
    `KUBELET_REGISTER_WITH_TAINTS=${taints}`,
    `KUBELET_NODE_LABELS=${kubeletLabels(node)}`,
    '',
  ].join('\n');
}

/** A master's kubelet and controllers use the API server beside them, an agent's the internal balancer. */
function nodeKubeconfig(node: LabNode): string {
  const server = node.role === 'master' ? node.ip : network.internalBalancer;
  return [
    ...['apiVersion: v1', 'kind: Config', 'clusters:', '- name: localcluster', '  cluster:'],
    ...['    certificate-authority: /etc/kubernetes/certs/ca.crt', `    server: https://${server}:443`],
    ...['users:', '- name: client', '  user:'],
    ...[
      '    client-certificate: /etc/kubernetes/certs/client.crt',
      '    client-key: /etc/kubernetes/certs/client.key',
    ],
    ...[
      'contexts:',
      '- context:',
      '    cluster: localcluster',
      '    user: client',
      '  name: localclustercontext',
    ],
    ...['current-context: localclustercontext', ''],
  ].join('\n');
}

/** Writes are recorded without their content, reads not at all: the lab's CPU is short. */
const auditPolicy = [
  ...['apiVersion: audit.k8s.io/v1', 'kind: Policy', 'omitStages:', '  - RequestReceived', 'rules:'],
  ...['  - level: None', '    verbs: ["get", "list", "watch"]', '  - level: None', '    resources:'],
  ...['      - group: ""', '        resources: ["events"]', '      - group: coordination.k8s.io'],
  ...['        resources: ["leases"]', '  - level: Metadata', ''],
].join('\n');
