/** One kind of object that kube-apiserver stores. */
export interface Resource {
  /** '' for the core group. */
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
  readonly namespaced: boolean;
  /** Folder below `/registry` in etcd. */
  readonly registry: string;
  readonly subresources: readonly string[];
  /** `metadata.generation` counts the changes of `spec`. */
  readonly counted: boolean;
}

type Options = Partial<Pick<Resource, 'registry' | 'subresources' | 'counted'>> & { readonly global?: true };

function resource(groupVersion: string, plural: string, kind: string, options: Options = {}): Resource {
  const [version = '', group = ''] = groupVersion.split('/').reverse();
  const { global, registry = plural, subresources = [], counted = false } = options;
  return { group, version, plural, kind, namespaced: global === undefined, registry, subresources, counted };
}

const workload: Options = { subresources: ['status'], counted: true };
const rbac = 'rbac.authorization.k8s.io/v1';

/** Where they lie in etcd is read from Kubernetes 1.20 (`specialDefaultResourcePrefixes`). */
export const resources: readonly Resource[] = [
  resource('v1', 'namespaces', 'Namespace', { global: true, subresources: ['status', 'finalize'] }),
  resource('v1', 'nodes', 'Node', { global: true, registry: 'minions', subresources: ['status'] }),
  resource('v1', 'pods', 'Pod', { subresources: ['status', 'binding', 'eviction'] }),
  resource('v1', 'services', 'Service', { registry: 'services/specs', subresources: ['status'] }),
  resource('v1', 'endpoints', 'Endpoints', { registry: 'services/endpoints' }),
  resource('v1', 'configmaps', 'ConfigMap'),
  resource('v1', 'secrets', 'Secret'),
  resource('v1', 'serviceaccounts', 'ServiceAccount', { subresources: ['token'] }),
  resource('v1', 'events', 'Event'),
  resource('apps/v1', 'deployments', 'Deployment', workload),
  resource('apps/v1', 'replicasets', 'ReplicaSet', workload),
  resource('apps/v1', 'daemonsets', 'DaemonSet', workload),
  resource('apps/v1', 'statefulsets', 'StatefulSet', workload),
  resource('apps/v1', 'controllerrevisions', 'ControllerRevision'),
  resource('batch/v1', 'jobs', 'Job', { subresources: ['status'] }),
  resource('policy/v1beta1', 'poddisruptionbudgets', 'PodDisruptionBudget', workload),
  resource('coordination.k8s.io/v1', 'leases', 'Lease'),
  resource('certificates.k8s.io/v1', 'certificatesigningrequests', 'CertificateSigningRequest', {
    global: true,
    subresources: ['status', 'approval'],
  }),
  resource(rbac, 'roles', 'Role'),
  resource(rbac, 'rolebindings', 'RoleBinding'),
  resource(rbac, 'clusterroles', 'ClusterRole', { global: true }),
  resource(rbac, 'clusterrolebindings', 'ClusterRoleBinding', { global: true }),
  resource('apiregistration.k8s.io/v1', 'apiservices', 'APIService', {
    global: true,
    registry: 'apiregistration.k8s.io/apiservices',
    subresources: ['status'],
  }),
  resource('storage.k8s.io/v1', 'csinodes', 'CSINode', { global: true }),
];

/** What is asked and answered, but never stored. */
export const reviews: readonly Resource[] = [
  resource('authentication.k8s.io/v1', 'tokenreviews', 'TokenReview', { global: true }),
  resource('authorization.k8s.io/v1', 'subjectaccessreviews', 'SubjectAccessReview', { global: true }),
];

/** @throws Error when there is none: a mistake of the caller */
export function resourceOf(plural: string): Resource {
  const found = resources.find((candidate) => candidate.plural === plural);
  if (!found) throw new Error(`resource ${plural}: is not known`);
  return found;
}

export function groupVersionOf({ group, version }: Pick<Resource, 'group' | 'version'>): string {
  return group === '' ? version : `${group}/${version}`;
}

/** The API path of a collection or, with a name, of one object. */
export function pathOf(plural: string, namespace?: string, name?: string): string {
  const { group, version, namespaced } = resourceOf(plural);
  const root = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
  const within = namespaced && namespace !== undefined ? `/namespaces/${namespace}` : '';
  return `${root}${within}/${plural}${name === undefined ? '' : `/${name}`}`;
}
