import type { KubeObject } from '../kube/objects.js';
import { nodeKubeconfig, proxyFlags, commandLine } from './flags.js';

/** Images of the workloads; what runs in them is a stand-in. */
export const images = { base: 'hollow/base:1', pod: 'hollow/pod:1' } as const;

const namespace = 'apps';
const everywhere = [{ operator: 'Exists' }];
const labels = (app: string): { app: string } => ({ app });
const fromField = (name: string, fieldPath: string): object => ({
  name,
  valueFrom: { fieldRef: { fieldPath } },
});
const rbac = 'rbac.authorization.k8s.io';

/** An object and the collection that it is created in. */
export interface Manifest {
  readonly collection: string;
  readonly object: KubeObject;
}

/** What runs in the cluster besides the static pods: callers of the API of each kind, kube-proxy, an aggregated API server. */
export function workloads(): Manifest[] {
  return [
    {
      collection: '/api/v1/namespaces',
      object: { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
    },
    ...kubeProxy(),
    ...callerAccess(),
    deployment(),
    disruptionBudget(),
    daemonSet(),
    ...statefulSet(),
    ...aggregatedApi(),
  ];
}

const core = (resource: string, inNamespace = namespace): string =>
  `/api/v1/namespaces/${inNamespace}/${resource}`;
const apps = (resource: string, inNamespace = namespace): string =>
  `/apis/apps/v1/namespaces/${inNamespace}/${resource}`;
const rbacIn = (resource: string, inNamespace: string): string =>
  `/apis/${rbac}/v1/namespaces/${inNamespace}/${resource}`;

/** The callers may read one ConfigMap with their own tokens. */
function callerAccess(): Manifest[] {
  const metadata = { name: 'caller', namespace };
  return [
    {
      collection: core('configmaps'),
      object: {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { ...metadata, name: 'greeting' },
        data: { text: 'hello' },
      },
    },
    { collection: core('serviceaccounts'), object: { apiVersion: 'v1', kind: 'ServiceAccount', metadata } },
    {
      collection: rbacIn('roles', namespace),
      object: {
        apiVersion: `${rbac}/v1`,
        kind: 'Role',
        metadata,
        rules: [{ apiGroups: [''], resources: ['configmaps'], verbs: ['get', 'list', 'watch'] }],
      },
    },
    {
      collection: rbacIn('rolebindings', namespace),
      object: {
        apiVersion: `${rbac}/v1`,
        kind: 'RoleBinding',
        metadata,
        roleRef: { apiGroup: rbac, kind: 'Role', name: 'caller' },
        subjects: [{ kind: 'ServiceAccount', name: 'caller', namespace }],
      },
    },
  ];
}

/** A pod that calls the API again and again, and notes on its node what failed. */
function callerPod(app: string, extra: object = {}): object {
  const container = {
    name: 'caller',
    image: images.pod,
    imagePullPolicy: 'IfNotPresent',
    args: ['client'],
    env: [
      fromField('POD', 'metadata.name'),
      { name: 'NAMESPACE', value: namespace },
      { name: 'CONFIGMAP', value: 'greeting' },
      { name: 'RESULTS', value: '/results' },
    ],
    readinessProbe: { httpGet: { path: '/healthz', port: 8080 }, periodSeconds: 3 },
    volumeMounts: [{ name: 'results', mountPath: '/results' }],
  };
  return {
    metadata: { labels: labels(app) },
    spec: {
      serviceAccountName: 'caller',
      terminationGracePeriodSeconds: 3,
      containers: [container],
      volumes: [{ name: 'results', hostPath: { path: '/var/log/callers', type: 'DirectoryOrCreate' } }],
      ...extra,
    },
  };
}

function deployment(): Manifest {
  const spec = { replicas: 2, selector: { matchLabels: labels('web') }, template: callerPod('web') };
  return {
    collection: apps('deployments'),
    object: { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web', namespace }, spec },
  };
}

function disruptionBudget(): Manifest {
  return {
    collection: `/apis/policy/v1beta1/namespaces/${namespace}/poddisruptionbudgets`,
    object: {
      apiVersion: 'policy/v1beta1',
      kind: 'PodDisruptionBudget',
      metadata: { name: 'web', namespace },
      spec: { minAvailable: 1, selector: { matchLabels: labels('web') } },
    },
  };
}

function daemonSet(): Manifest {
  const spec = {
    selector: { matchLabels: labels('each-node') },
    updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 2 } },
    template: callerPod('each-node', { tolerations: everywhere }),
  };
  return {
    collection: apps('daemonsets'),
    object: { apiVersion: 'apps/v1', kind: 'DaemonSet', metadata: { name: 'each-node', namespace }, spec },
  };
}

function statefulSet(): Manifest[] {
  const metadata = { name: 'ordered', namespace };
  const spec = {
    replicas: 2,
    serviceName: 'ordered',
    podManagementPolicy: 'Parallel',
    selector: { matchLabels: labels('ordered') },
    template: callerPod('ordered'),
  };
  return [
    {
      collection: core('services'),
      object: {
        apiVersion: 'v1',
        kind: 'Service',
        metadata,
        spec: { clusterIP: 'None', selector: labels('ordered'), ports: [{ port: 8080 }] },
      },
    },
    {
      collection: apps('statefulsets'),
      object: { apiVersion: 'apps/v1', kind: 'StatefulSet', metadata, spec },
    },
  ];
}

/** kube-proxy with the node's own kubeconfig and certificates. */
function kubeProxy(): Manifest[] {
  const system = 'kube-system';
  const files = { kubeconfig: nodeKubeconfig, certificates: '/etc/kubernetes/certs' };
  const container = {
    name: 'kube-proxy',
    image: images.base,
    imagePullPolicy: 'IfNotPresent',
    command: ['kube-proxy'],
    args: [...commandLine(proxyFlags), '--hostname-override=$(NODE)'],
    env: [fromField('NODE', 'spec.nodeName')],
    securityContext: { privileged: true },
    volumeMounts: Object.entries(files).map(([name, mountPath]) => ({ name, mountPath, readOnly: true })),
  };
  const podSpec = {
    hostNetwork: true,
    priorityClassName: 'system-node-critical',
    tolerations: everywhere,
    terminationGracePeriodSeconds: 3,
    containers: [container],
    volumes: Object.entries(files).map(([name, path]) => ({ name, hostPath: { path } })),
  };
  const spec = {
    selector: { matchLabels: labels('kube-proxy') },
    updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '50%' } },
    template: { metadata: { labels: labels('kube-proxy') }, spec: podSpec },
  };
  return [
    {
      collection: apps('daemonsets', system),
      object: {
        apiVersion: 'apps/v1',
        kind: 'DaemonSet',
        metadata: { name: 'kube-proxy', namespace: system },
        spec,
      },
    },
  ];
}

/** An aggregated API server, so that trust in the front proxy is exercised. */
function aggregatedApi(): Manifest[] {
  return [...aggregatedAccess(), ...aggregatedServer()];
}

const aggregated = { name: 'aggregated', namespace: 'kube-system' } as const;

/** What Kubernetes wants an aggregated API server's account to be allowed. */
function aggregatedAccess(): Manifest[] {
  const { namespace: system } = aggregated;
  const subjects = [{ kind: 'ServiceAccount', ...aggregated }];
  const roleRef = (kind: string, name: string): object => ({ apiGroup: rbac, kind, name });
  return [
    {
      collection: core('serviceaccounts', system),
      object: { apiVersion: 'v1', kind: 'ServiceAccount', metadata: aggregated },
    },
    {
      collection: `/apis/${rbac}/v1/clusterrolebindings`,
      object: {
        apiVersion: `${rbac}/v1`,
        kind: 'ClusterRoleBinding',
        metadata: { name: 'aggregated' },
        subjects,
        roleRef: roleRef('ClusterRole', 'system:auth-delegator'),
      },
    },
    {
      collection: rbacIn('rolebindings', system),
      object: {
        apiVersion: `${rbac}/v1`,
        kind: 'RoleBinding',
        metadata: aggregated,
        subjects,
        roleRef: roleRef('Role', 'extension-apiserver-authentication-reader'),
      },
    },
  ];
}

function aggregatedServer(): Manifest[] {
  const { namespace: system } = aggregated;
  const group = 'lab.keyroll.dev';
  const container = {
    name: 'aggregated',
    image: images.pod,
    imagePullPolicy: 'IfNotPresent',
    args: ['aggregated'],
    readinessProbe: { tcpSocket: { port: 8443 }, periodSeconds: 3 },
  };
  const podSpec = {
    serviceAccountName: 'aggregated',
    terminationGracePeriodSeconds: 3,
    containers: [container],
  };
  const template = { metadata: { labels: labels('aggregated') }, spec: podSpec };
  const ports = [{ port: 443, targetPort: 8443 }];
  const version = { group, version: 'v1alpha1', groupPriorityMinimum: 1000, versionPriority: 10 };
  return [
    {
      collection: apps('deployments', system),
      object: {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: aggregated,
        spec: { replicas: 2, selector: { matchLabels: labels('aggregated') }, template },
      },
    },
    {
      collection: core('services', system),
      object: {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: aggregated,
        spec: { selector: labels('aggregated'), ports },
      },
    },
    {
      collection: '/apis/apiregistration.k8s.io/v1/apiservices',
      object: {
        apiVersion: 'apiregistration.k8s.io/v1',
        kind: 'APIService',
        metadata: { name: `v1alpha1.${group}` },
        spec: { ...version, insecureSkipTLSVerify: true, service: { ...aggregated, port: 443 } },
      },
    },
  ];
}
