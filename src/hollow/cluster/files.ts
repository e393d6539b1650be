import type { NodeFile } from '../node/node.js';
import {
  apiserverFlags,
  certs,
  commandLine,
  controllerManagerFlags,
  etcdFlags,
  kubeletFlags,
  nodeKubeconfig,
  schedulerFlags,
} from './flags.js';
import { adminKubeconfig } from './model.js';
import type { ClusterInputs } from './inputs.js';
import type { ClusterPki, Pair } from './pki.js';
import { adminUser, type ClusterPlan, type PlannedNode } from './plan.js';

/** All that AKS Engine and a node's first start put on a node, as far as the stand-ins and keyroll's scripts read it. */
export function nodeFiles(inputs: ClusterInputs, node: PlannedNode): NodeFile[] {
  const admin = `${adminUser}:${adminUser}`;
  return [
    ...certificateFiles(inputs.pki, node),
    { path: nodeKubeconfig, content: kubeconfigText(inputs.plan, node) },
    { path: '/etc/default/kubelet', content: kubeletDefaults(inputs, node) },
    { path: '/etc/systemd/system/kubelet.service', content: kubeletUnit },
    secret(`/home/${adminUser}/.ssh/authorized_keys`, `${inputs.authorizedKey}\n`, admin),
    ...(node.role === 'master' ? masterFiles(inputs, node) : []),
  ];
}

function masterFiles(inputs: ClusterInputs, node: PlannedNode): NodeFile[] {
  const { plan, pki } = inputs;
  const admin = `${adminUser}:${adminUser}`;
  return [
    ...manifests(inputs, node),
    { path: '/etc/default/etcd', content: `DAEMON_ARGS=${commandLine(etcdFlags(plan, node)).join(' ')}\n` },
    { path: '/etc/systemd/system/etcd.service', content: etcdUnit },
    // What the members hold lies in this process: the folder stands for it.
    {
      path: '/var/lib/etcddisk/member/README',
      content: `the data of the member on ${node.name}\n`,
      mode: 0o600,
    },
    secret(
      `/home/${adminUser}/.kube/config`,
      adminKubeconfig(plan, pki, `https://${node.address}:${plan.apiPort}`),
      admin,
    ),
  ];
}

function secret(path: string, content: string, owner?: string): NodeFile {
  return { path, content, mode: 0o600, ...(owner === undefined ? {} : { owner }) };
}

function pair(name: string, { certificate, key }: Pair, owner?: string): NodeFile[] {
  return [{ path: `${certs}/${name}.crt`, content: certificate }, secret(`${certs}/${name}.key`, key, owner)];
}

function certificateFiles(pki: ClusterPki, node: PlannedNode): NodeFile[] {
  const kubelet = pki.kubeletservers.get(node.name);
  const peer = pki.etcdpeers[node.index];
  if (!kubelet) throw new Error(`node ${node.name}: the PKI has no kubelet certificate for it`);
  const everywhere = [
    { path: `${certs}/ca.crt`, content: pki.ca.certificate },
    ...pair('client', pki.client),
    ...pair('kubeletserver', kubelet),
  ];
  if (node.role === 'agent' || !peer) return everywhere;
  return [
    ...everywhere,
    secret(`${certs}/ca.key`, pki.ca.key),
    ...pair('apiserver', pki.apiserver),
    ...pair('kubectlClient', pki.kubectlClient),
    ...pair('etcdserver', pki.etcdserver, 'etcd:etcd'),
    ...pair('etcdclient', pki.etcdclient),
    ...pair(`etcdpeer${node.index}`, peer, 'etcd:etcd'),
    { path: `${certs}/proxy-ca.crt`, content: pki.proxyCa },
    ...pair('proxy', pki.proxy),
  ];
}

/** A master's programs use the API server beside them, an agent's the load balancer. */
function kubeconfigText(plan: ClusterPlan, node: PlannedNode): string {
  const server = `https://${node.role === 'master' ? node.address : plan.balancer}:${plan.apiPort}`;
  return `apiVersion: v1
kind: Config
clusters:
- name: localcluster
  cluster:
    certificate-authority: ${certs}/ca.crt
    server: ${server}
users:
- name: client
  user:
    client-certificate: ${certs}/client.crt
    client-key: ${certs}/client.key
contexts:
- context:
    cluster: localcluster
    user: client
  name: localclustercontext
current-context: localclustercontext
`;
}

function kubeletDefaults({ options }: ClusterInputs, node: PlannedNode): string {
  const taints =
    node.role === 'master' ? '--register-with-taints=node-role.kubernetes.io/master=true:NoSchedule' : '';
  const labels = `kubernetes.azure.com/role=${node.role}${node.role === 'agent' ? ',agentpool=linuxpool' : ''}`;
  return [
    `KUBELET_CONFIG=${commandLine(kubeletFlags(node, options)).join(' ')}`,
    `KUBELET_REGISTER_WITH_TAINTS=${taints}`,
    `KUBELET_NODE_LABELS=${labels}`,
    '',
  ].join('\n');
}

const kubeletUnit = `[Unit]
Description=Kubelet

[Service]
Restart=always
RestartSec=1
EnvironmentFile=/etc/default/kubelet
ExecStart=/usr/local/bin/kubelet --node-labels=\${KUBELET_NODE_LABELS} $KUBELET_CONFIG $KUBELET_REGISTER_WITH_TAINTS

[Install]
WantedBy=multi-user.target
`;

const etcdUnit = `[Unit]
Description=etcd - highly-available key value store

[Service]
Environment=ETCD_NAME=%H
EnvironmentFile=-/etc/default/%p
Type=notify
User=etcd
ExecStart=/usr/bin/etcd $DAEMON_ARGS
Restart=always
RestartSec=1

[Install]
WantedBy=multi-user.target
`;

const flow = (words: readonly string[]): string =>
  `[${words.map((word) => JSON.stringify(word)).join(', ')}]`;

/** In AKS Engine's layout: command and arguments on one line each, host network, host paths. */
function manifest(name: string, args: readonly string[]): NodeFile {
  const folders = { 'etc-kubernetes': '/etc/kubernetes', 'var-lib-kubelet': '/var/lib/kubelet' };
  const text = [
    ...['apiVersion: v1', 'kind: Pod', 'metadata:', `  name: ${name}`, '  namespace: kube-system'],
    ...['  labels:', '    tier: control-plane', `    component: ${name}`],
    ...['spec:', '  priorityClassName: system-node-critical', '  hostNetwork: true', '  containers:'],
    ...[`    - name: ${name}`, '      image: hollow/base:1', '      imagePullPolicy: IfNotPresent'],
    ...[`      command: ${flow([name])}`, `      args: ${flow(args)}`, '      volumeMounts:'],
    ...Object.entries(folders).flatMap(([volume, path]) => [
      `        - name: ${volume}`,
      `          mountPath: ${path}`,
    ]),
    '  volumes:',
    ...Object.entries(folders).flatMap(([volume, path]) => [
      `    - name: ${volume}`,
      '      hostPath:',
      `        path: ${path}`,
    ]),
    '',
  ].join('\n');
  return { path: `/etc/kubernetes/manifests/${name}.yaml`, content: text };
}

function manifests({ plan, options }: ClusterInputs, node: PlannedNode): NodeFile[] {
  return [
    manifest('kube-apiserver', commandLine(apiserverFlags(plan, node, options))),
    manifest('kube-controller-manager', commandLine(controllerManagerFlags(plan, options))),
    manifest('kube-scheduler', commandLine(schedulerFlags)),
    manifest('kube-addon-manager', [`--kubeconfig=${nodeKubeconfig}`]),
  ];
}
