import { readFileSync } from 'node:fs';

/** Where the pods' probe lives in the cluster, and where its results lie on each node. */
export const POD_PROBE = {
  namespace: 'keyroll-probe',
  account: 'pod-probe',
  /** The ConfigMap that the pods ask for. */
  target: 'pod-probe-target',
  /** The ConfigMap with the program. */
  program: 'pod-probe-program',
  /** On every node: one `<pod uid>.jsonl` for each pod. */
  resultsFolder: '/var/lib/keyroll/probe',
  nodeLabel: 'keyroll.probe/node',
} as const;

/** A node that gets a probing pod. */
export interface PodProbeNode {
  readonly name: string;
  /** The node's label `kubernetes.io/hostname`. Default: the name. */
  readonly hostname?: string;
  /** An image that the node has: the pause image its kubelet uses. Nothing is pulled. */
  readonly image: string;
  /** What of the node Python needs. `/lib64` is left out on arm64. Default: see `PYTHON_FOLDERS`. */
  readonly folders?: readonly string[];
}

/** A Kubernetes object to be created as it is. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly [field: string]: unknown;
}

export const PYTHON_FOLDERS: readonly string[] = ['/usr', '/lib', '/lib64', '/bin'];

/** The program that runs in the pods, from beside the compiled or the source program. */
export function podProbeProgram(): string {
  return readFileSync(new URL('../node/pod-probe.py', import.meta.url), 'utf8');
}

const labels = { 'app.kubernetes.io/managed-by': 'keyroll' };
const namespaced = (name: string) => ({ name, namespace: POD_PROBE.namespace, labels });

/** The namespace, which the write classes use as well. */
export function namespaceManifest(): Manifest {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name: POD_PROBE.namespace, labels } };
}

/** A service account that may read one ConfigMap and nothing else. */
function accountManifests(): Manifest[] {
  const { account, target, namespace } = POD_PROBE;
  const rbac = 'rbac.authorization.k8s.io';
  const rules = [{ apiGroups: [''], resources: ['configmaps'], resourceNames: [target], verbs: ['get'] }];
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: namespaced(account) },
    { apiVersion: `${rbac}/v1`, kind: 'Role', metadata: namespaced(account), rules },
    {
      apiVersion: `${rbac}/v1`,
      kind: 'RoleBinding',
      metadata: namespaced(account),
      roleRef: { apiGroup: rbac, kind: 'Role', name: account },
      subjects: [{ kind: 'ServiceAccount', name: account, namespace }],
    },
  ];
}

const field = (name: string, fieldPath: string) => ({ name, valueFrom: { fieldRef: { fieldPath } } });

function containerOf(node: PodProbeNode, folders: readonly string[]) {
  const { namespace, target } = POD_PROBE;
  return {
    name: 'pod-probe',
    image: node.image,
    imagePullPolicy: 'IfNotPresent',
    command: ['/usr/bin/python3', '-B', '/probe/pod-probe.py'],
    env: [
      { name: 'PROBE_PATH', value: `/api/v1/namespaces/${namespace}/configmaps/${target}` },
      { name: 'PROBE_OUT', value: '/results' },
      field('POD_UID', 'metadata.uid'),
      field('NODE_NAME', 'spec.nodeName'),
    ],
    resources: { requests: { cpu: '20m', memory: '24Mi' }, limits: { memory: '96Mi' } },
    // Root without any capability: it owns the folder of results, and may do nothing else.
    securityContext: {
      privileged: false,
      allowPrivilegeEscalation: false,
      runAsUser: 0,
      capabilities: { drop: ['ALL'] },
    },
    volumeMounts: [
      { name: 'program', mountPath: '/probe', readOnly: true },
      { name: 'results', mountPath: '/results' },
      ...folders.map((path, i) => ({ name: `node-${i}`, mountPath: path, readOnly: true })),
    ],
  };
}

function deploymentOf(node: PodProbeNode): Manifest {
  const folders = node.folders ?? PYTHON_FOLDERS;
  const mine = { [POD_PROBE.nodeLabel]: node.name };
  const volumes = [
    { name: 'program', configMap: { name: POD_PROBE.program } },
    { name: 'results', hostPath: { path: POD_PROBE.resultsFolder, type: 'DirectoryOrCreate' } },
    ...folders.map((path, i) => ({ name: `node-${i}`, hostPath: { path, type: 'Directory' } })),
  ];
  const podSpec = {
    serviceAccountName: POD_PROBE.account,
    nodeSelector: { 'kubernetes.io/hostname': node.hostname ?? node.name },
    tolerations: [{ operator: 'Exists' }],
    terminationGracePeriodSeconds: 10,
    containers: [containerOf(node, folders)],
    volumes,
  };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { ...namespaced(`probe-${node.name}`), labels: { ...labels, ...mine } },
    spec: {
      replicas: 1,
      // The old pod goes when the new one has run for a moment, so that there is always one that asks.
      minReadySeconds: 2,
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
      selector: { matchLabels: mine },
      template: { metadata: { labels: { ...labels, ...mine } }, spec: podSpec },
    },
  };
}

/**
 * Everything that probes the API from pods, in the order of creation: namespace, account, ConfigMaps, and one
 * Deployment on each node. Pods use the node's own Python, since there is no registry; their results lie in
 * `POD_PROBE.resultsFolder` on the node. Deleting the namespace removes all of it but the results.
 */
export function podProbeManifests(nodes: readonly PodProbeNode[], program = podProbeProgram()): Manifest[] {
  return [
    namespaceManifest(),
    ...accountManifests(),
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: namespaced(POD_PROBE.target), data: { asked: 'often' } },
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: namespaced(POD_PROBE.program),
      data: { 'pod-probe.py': program },
    },
    ...nodes.map(deploymentOf),
  ];
}
