import type { KubeObject } from '../kube/objects.js';
import type { PolicyRule } from './policy-rule.js';

const group = 'rbac.authorization.k8s.io';
const read = ['get', 'list', 'watch'];
const rule = (apiGroup: string, resources: string[], verbs: string[]): PolicyRule => ({
  apiGroups: [apiGroup],
  resources,
  verbs,
});

/** What a kubelet may do. The real one looks which pods run on the node; this one does not. */
export const nodeRules: readonly PolicyRule[] = [
  rule('', ['nodes', 'services', 'pods', 'configmaps', 'secrets', 'endpoints'], read),
  rule('', ['nodes', 'pods', 'events'], ['create']),
  rule('', ['nodes', 'nodes/status', 'pods/status', 'events'], ['update', 'patch']),
  rule('', ['pods'], ['delete']),
  rule('', ['pods/eviction', 'serviceaccounts/token'], ['create']),
  rule('certificates.k8s.io', ['certificatesigningrequests'], ['create', ...read]),
  rule('coordination.k8s.io', ['leases'], ['create', 'get', 'update', 'patch', 'delete']),
  rule('storage.k8s.io', ['csinodes'], ['create', 'get', 'update', 'patch']),
  rule('authentication.k8s.io', ['tokenreviews'], ['create']),
  rule('authorization.k8s.io', ['subjectaccessreviews'], ['create']),
];

const clusterRole = (name: string, rules: readonly PolicyRule[]): KubeObject => ({
  apiVersion: `${group}/v1`,
  kind: 'ClusterRole',
  metadata: { name },
  rules,
});
const toGroup = (name: string, subject: string): KubeObject => ({
  apiVersion: `${group}/v1`,
  kind: 'ClusterRoleBinding',
  metadata: { name },
  roleRef: { apiGroup: group, kind: 'ClusterRole', name },
  subjects: [{ apiGroup: group, kind: 'Group', name: subject }],
});

const everything: PolicyRule[] = [
  { apiGroups: ['*'], resources: ['*'], verbs: ['*'] },
  { nonResourceURLs: ['*'], verbs: ['*'] },
];
const discovery: PolicyRule[] = [
  {
    nonResourceURLs: ['/api', '/api/*', '/apis', '/apis/*', '/healthz', '/livez', '/readyz', '/version'],
    verbs: ['get'],
  },
];
const delegator: PolicyRule[] = [
  rule('authentication.k8s.io', ['tokenreviews'], ['create']),
  rule('authorization.k8s.io', ['subjectaccessreviews'], ['create']),
];

/** The few of the real one's default roles that something in a hollow cluster is bound to. */
export const bootstrapRoles: Readonly<Record<string, readonly KubeObject[]>> = {
  clusterroles: [
    clusterRole('cluster-admin', everything),
    clusterRole('system:discovery', discovery),
    clusterRole('system:auth-delegator', delegator),
  ],
  clusterrolebindings: [
    toGroup('cluster-admin', 'system:masters'),
    toGroup('system:discovery', 'system:authenticated'),
  ],
  roles: [
    {
      apiVersion: `${group}/v1`,
      kind: 'Role',
      metadata: { name: 'extension-apiserver-authentication-reader', namespace: 'kube-system' },
      rules: [
        {
          ...rule('', ['configmaps'], read),
          resourceNames: ['extension-apiserver-authentication'],
        },
      ],
    },
  ],
};
