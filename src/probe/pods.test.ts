import { expect, it } from 'vitest';

import { POD_PROBE, podProbeManifests } from './pods.js';

interface PodTemplate {
  readonly spec: {
    readonly nodeSelector: object;
    readonly tolerations: object[];
    readonly terminationGracePeriodSeconds: number;
    readonly containers: readonly {
      readonly image: string;
      readonly command: readonly string[];
      readonly securityContext: object;
      readonly volumeMounts: readonly {
        readonly name: string;
        readonly mountPath: string;
        readonly readOnly?: boolean;
      }[];
    }[];
    readonly volumes: readonly { readonly name: string }[];
  };
}

const nodes = [
  { name: 'k8s-master-0', image: 'pause:3.2' },
  { name: 'k8s-agent-1', hostname: 'agent-1', image: 'pause:3.4', folders: ['/usr', '/lib'] },
];

it('makes a namespace, an account that reads one ConfigMap, the program, and one Deployment a node', () => {
  const manifests = podProbeManifests(nodes);
  expect(
    manifests.map(({ kind, metadata }) => `${kind} ${metadata.namespace ?? ''}/${metadata.name}`),
  ).toEqual([
    'Namespace /keyroll-probe',
    'ServiceAccount keyroll-probe/pod-probe',
    'Role keyroll-probe/pod-probe',
    'RoleBinding keyroll-probe/pod-probe',
    'ConfigMap keyroll-probe/pod-probe-target',
    'ConfigMap keyroll-probe/pod-probe-program',
    'Deployment keyroll-probe/probe-k8s-master-0',
    'Deployment keyroll-probe/probe-k8s-agent-1',
  ]);
  const role = manifests.find(({ kind }) => kind === 'Role');
  expect(role).toMatchObject({ rules: [{ resourceNames: [POD_PROBE.target], verbs: ['get'] }] });
  const program = manifests.find(({ metadata }) => metadata.name === POD_PROBE.program);
  expect(JSON.stringify(program)).toContain('pod-probe.py');
});

it('puts each pod on its node, unprivileged, with the node folders read-only', () => {
  const deployment = podProbeManifests(nodes, 'program').at(-1);
  const spec = deployment?.['spec'] as { readonly strategy: object; readonly template: PodTemplate };
  const pod = spec.template.spec;
  const [container] = pod.containers;
  expect(spec.strategy).toEqual({ type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } });
  expect(pod.nodeSelector).toEqual({ 'kubernetes.io/hostname': 'agent-1' });
  expect(pod.tolerations).toEqual([{ operator: 'Exists' }]);
  expect(pod.terminationGracePeriodSeconds).toBe(10);
  expect(container?.image).toBe('pause:3.4');
  expect(container?.securityContext).toMatchObject({ privileged: false, allowPrivilegeEscalation: false });
  const mounts = container?.volumeMounts ?? [];
  expect(mounts.filter(({ readOnly }) => readOnly !== true).map(({ mountPath }) => mountPath)).toEqual([
    '/results',
  ]);
  expect(mounts.map(({ mountPath }) => mountPath)).toEqual(['/probe', '/results', '/usr', '/lib']);
  expect(mounts.map(({ name }) => name).sort()).toEqual(pod.volumes.map(({ name }) => name).sort());
});
