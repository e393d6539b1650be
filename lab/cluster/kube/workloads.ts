import { kubeletKubeconfig, images, proxyFlags } from './wishes.js';
import { chooseFlags } from './flags.js';
import type { Binaries } from './binaries.js';
import { boundFolders } from '../machines/folders.js';

/** A Kubernetes object as kubectl takes it. */
export type KubeObject = Readonly<Record<string, unknown>>;

export const labNamespace = 'lab';
const everywhere = [{ operator: 'Exists' }];
const hostPath = (name: string, path: string, type = ''): KubeObject => ({ name, hostPath: { path, type } });
const mount = (name: string, mountPath: string, readOnly = true): KubeObject => ({
  name,
  mountPath,
  readOnly,
});
const labels = (app: string): { app: string } => ({ app });

/** Everything that runs in the lab's cluster besides the static pods. */
export function workloads(binaries: Binaries): KubeObject[] {
  return [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: labNamespace } },
    ...clientAccess(),
    deployment(),
    disruptionBudget(binaries.minor),
    daemonSet(),
    ...statefulSet(),
    ...kubeProxy(binaries),
    ...aggregatedApi(),
  ];
}

/** Lets the clients read one ConfigMap with their own tokens. */
function clientAccess(): KubeObject[] {
  const metadata = { name: 'client', namespace: labNamespace };
  const role = { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'client' };
  return [
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { ...metadata, name: 'greeting' },
      data: { text: 'hello' },
    },
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'Role',
      metadata,
      rules: [{ apiGroups: [''], resources: ['configmaps'], verbs: ['get', 'list', 'watch'] }],
    },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata,
      roleRef: role,
      subjects: [{ kind: 'ServiceAccount', name: 'client', namespace: labNamespace }],
    },
  ];
}

const fromField = (name: string, fieldPath: string): KubeObject => ({
  name,
  valueFrom: { fieldRef: { fieldPath } },
});

/** A pod that calls the API ten times a second and notes the outcome on its node. */
function clientPod(app: string, extra: KubeObject = {}): KubeObject {
  const container = {
    name: 'client',
    image: images.pod,
    imagePullPolicy: 'IfNotPresent',
    args: ['client'],
    env: [
      ...[fromField('POD', 'metadata.name'), fromField('NODE', 'spec.nodeName')],
      { name: 'NAMESPACE', value: labNamespace },
      { name: 'CONFIGMAP', value: 'greeting' },
      { name: 'RESULTS', value: '/results' },
    ],
    readinessProbe: { httpGet: { path: '/healthz', port: 8080 }, periodSeconds: 1, timeoutSeconds: 3 },
    volumeMounts: [mount('results', '/results', false)],
  };
  const spec = {
    serviceAccountName: 'client',
    terminationGracePeriodSeconds: 3,
    containers: [container],
    volumes: [hostPath('results', boundFolders.results, 'DirectoryOrCreate')],
    ...extra,
  };
  return { metadata: { labels: labels(app) }, spec };
}

function deployment(): KubeObject {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', namespace: labNamespace },
    spec: { replicas: 2, selector: { matchLabels: labels('web') }, template: clientPod('web') },
  };
}

function disruptionBudget(minor: number): KubeObject {
  return {
    apiVersion: minor >= 21 ? 'policy/v1' : 'policy/v1beta1',
    kind: 'PodDisruptionBudget',
    metadata: { name: 'web', namespace: labNamespace },
    spec: { minAvailable: 1, selector: { matchLabels: labels('web') } },
  };
}

function daemonSet(): KubeObject {
  return {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: { name: 'each-node', namespace: labNamespace },
    spec: {
      selector: { matchLabels: labels('each-node') },
      updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 2 } },
      template: clientPod('each-node', { tolerations: everywhere }),
    },
  };
}

function statefulSet(): KubeObject[] {
  const metadata = { name: 'ordered', namespace: labNamespace };
  const selector = labels('ordered');
  return [
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata,
      spec: { clusterIP: 'None', selector, ports: [{ port: 8080 }] },
    },
    {
      apiVersion: 'apps/v1',
      kind: 'StatefulSet',
      metadata,
      spec: {
        ...{ replicas: 2, serviceName: 'ordered', podManagementPolicy: 'Parallel' },
        selector: { matchLabels: selector },
        template: clientPod('ordered'),
      },
    },
  ];
}

/** kube-proxy with the node's own kubeconfig and certificates, and the node's iptables. */
function kubeProxy(binaries: Binaries): KubeObject[] {
  const { args } = chooseFlags(proxyFlags, binaries.help['kube-proxy']);
  const container = {
    name: 'kube-proxy',
    image: images.base,
    imagePullPolicy: 'IfNotPresent',
    command: ['kube-proxy'],
    args: [...args, '--hostname-override=$(NODE)'],
    env: [
      fromField('NODE', 'spec.nodeName'),
      { name: 'PATH', value: '/usr/local/bin:/usr/sbin:/usr/bin:/bin' },
    ],
    securityContext: { privileged: true },
    volumeMounts: [
      ...[
        mount('usr', '/usr'),
        mount('alternatives', '/etc/alternatives'),
        mount('lock', '/run/xtables.lock', false),
      ],
      ...[mount('kubeconfig', kubeletKubeconfig), mount('certificates', '/etc/kubernetes/certs')],
    ],
  };
  const volumes = [
    ...[hostPath('usr', '/usr'), hostPath('alternatives', '/etc/alternatives')],
    hostPath('lock', '/run/xtables.lock', 'FileOrCreate'),
    ...[hostPath('kubeconfig', kubeletKubeconfig), hostPath('certificates', '/etc/kubernetes/certs')],
  ];
  const spec = {
    ...{ hostNetwork: true, priorityClassName: 'system-node-critical', tolerations: everywhere },
    ...{ terminationGracePeriodSeconds: 3, containers: [container], volumes },
  };
  const daemonSet = {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: { name: 'kube-proxy', namespace: 'kube-system', labels: { 'k8s-app': 'kube-proxy' } },
    spec: {
      selector: { matchLabels: labels('kube-proxy') },
      updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '50%' } },
      template: { metadata: { labels: labels('kube-proxy') }, spec },
    },
  };
  return [daemonSet];
}

/** An aggregated API server, so that trust in the front proxy is really exercised. */
function aggregatedApi(): KubeObject[] {
  const metadata = { name: 'aggregated', namespace: 'kube-system' };
  const subjects = [{ kind: 'ServiceAccount', ...metadata }];
  const rbac = 'rbac.authorization.k8s.io';
  const container = {
    ...{ name: 'aggregated', image: images.pod, imagePullPolicy: 'IfNotPresent', args: ['aggregated'] },
    readinessProbe: { tcpSocket: { port: 8443 }, periodSeconds: 1 },
  };
  const spec = {
    serviceAccountName: 'aggregated',
    terminationGracePeriodSeconds: 3,
    containers: [container],
  };
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata },
    {
      ...{ apiVersion: `${rbac}/v1`, kind: 'ClusterRoleBinding', metadata: { name: 'aggregated' }, subjects },
      roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: 'system:auth-delegator' },
    },
    {
      ...{ apiVersion: `${rbac}/v1`, kind: 'RoleBinding', metadata, subjects },
      roleRef: { apiGroup: rbac, kind: 'Role', name: 'extension-apiserver-authentication-reader' },
    },
    {
      ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata },
      spec: {
        ...{ replicas: 2, selector: { matchLabels: labels('aggregated') } },
        template: { metadata: { labels: labels('aggregated') }, spec },
      },
    },
    {
      ...{ apiVersion: 'v1', kind: 'Service', metadata },
      spec: { selector: labels('aggregated'), ports: [{ port: 443, targetPort: 8443 }] },
    },
    {
      ...{ apiVersion: 'apiregistration.k8s.io/v1', kind: 'APIService' },
      metadata: { name: 'v1alpha1.lab.keyroll.dev' },
      spec: {
        ...{ group: 'lab.keyroll.dev', version: 'v1alpha1', groupPriorityMinimum: 1000, versionPriority: 10 },
        ...{ insecureSkipTLSVerify: true, service: { ...metadata, port: 443 } },
      },
    },
  ];
}
