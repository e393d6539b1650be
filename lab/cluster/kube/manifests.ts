import type { LabNode, LabOptions, LabPlan } from '../plan.js';
import type { Binaries } from './binaries.js';
import { chooseFlags } from './flags.js';
import {
  apiserverFlags,
  controllerManagerFlags,
  images,
  kubeletKubeconfig,
  schedulerFlags,
} from './wishes.js';

/** A static pod in AKS Engine's layout: command and arguments on one line each, host network, host paths. */
interface StaticPod {
  readonly name: string;
  readonly image: string;
  readonly command: readonly string[];
  readonly args: readonly string[];
  /** Host folders by volume name; mounted at the same path. */
  readonly folders: Readonly<Record<string, string>>;
}

const flow = (words: readonly string[]): string =>
  `[${words.map((word) => JSON.stringify(word)).join(', ')}]`;

function manifest(pod: StaticPod): string {
  const folders = Object.entries(pod.folders);
  return [
    ...['apiVersion: v1', 'kind: Pod', 'metadata:', `  name: ${pod.name}`, '  namespace: kube-system'],
    ...['  labels:', '    tier: control-plane', `    component: ${pod.name}`],
    ...['spec:', '  priorityClassName: system-node-critical', '  hostNetwork: true', '  containers:'],
    ...[`    - name: ${pod.name}`, `      image: ${pod.image}`, '      imagePullPolicy: IfNotPresent'],
    ...[`      command: ${flow(pod.command)}`, `      args: ${flow(pod.args)}`, '      volumeMounts:'],
    ...folders.flatMap(([name, path]) => [`        - name: ${name}`, `          mountPath: ${path}`]),
    '  volumes:',
    ...folders.flatMap(([name, path]) => [`    - name: ${name}`, '      hostPath:', `        path: ${path}`]),
    '',
  ].join('\n');
}

const common = {
  'etc-kubernetes': '/etc/kubernetes',
  'var-lib-kubelet': '/var/lib/kubelet',
  binaries: '/usr/local/bin',
};

/** The manifests of one master by file name. */
export function staticPods(
  plan: LabPlan,
  node: LabNode,
  options: LabOptions,
  binaries: Binaries,
): Record<string, string> {
  const { help } = binaries;
  const apiserver = chooseFlags(apiserverFlags(node, options), help['kube-apiserver']).args;
  const controllers = chooseFlags(
    controllerManagerFlags(plan, options),
    help['kube-controller-manager'],
  ).args;
  const scheduler = chooseFlags(schedulerFlags, help['kube-scheduler']).args;
  const base = { image: images.base, folders: common };
  const auditLog = { ...common, auditlog: '/var/log/kubeaudit' };
  const pods: StaticPod[] = [
    { ...base, name: 'kube-apiserver', command: ['kube-apiserver'], args: apiserver, folders: auditLog },
    { ...base, name: 'kube-controller-manager', command: ['kube-controller-manager'], args: controllers },
    { ...base, name: 'kube-scheduler', command: ['kube-scheduler'], args: scheduler },
    addonManager,
  ];
  return Object.fromEntries(pods.map((pod) => [`${pod.name}.yaml`, manifest(pod)]));
}

const addonManager: StaticPod = {
  name: 'kube-addon-manager',
  image: images.pod,
  command: ['kube-addon-manager'],
  args: [`--kubeconfig=${kubeletKubeconfig}`],
  folders: { 'etc-kubernetes': '/etc/kubernetes', 'var-lib-kubelet': '/var/lib/kubelet' },
};
