import type { KubeObject } from '../../kube/objects.js';
import type { Resource } from '../../kube/resources.js';
import { without } from '../../kube/without.js';
import { invalid } from '../api-error.js';
import type { Core } from '../core.js';
import type { User } from '../identity.js';
import { admitPod, fixedPodFields } from './pods.js';
import { admitService } from './services.js';
import { admitSecret } from './secrets.js';
import { admitWorkload } from './workloads.js';

type Admission = (core: Core, object: KubeObject, user: User) => KubeObject | Promise<KubeObject>;

const admissions: Readonly<Record<string, Admission>> = {
  namespaces: (_core, object) => ({
    ...object,
    spec: { finalizers: ['kubernetes'] },
    status: { phase: 'Active' },
  }),
  pods: admitPod,
  services: admitService,
  secrets: (_core, object) => admitSecret(object),
  deployments: (_core, object) => admitWorkload(object),
  replicasets: (_core, object) => admitWorkload(object),
  daemonsets: (_core, object) => admitWorkload(object),
  statefulsets: (_core, object) => admitWorkload(object),
  certificatesigningrequests: (_core, object, user) => ({
    ...object,
    spec: { ...(object['spec'] as object), username: user.name, groups: user.groups, uid: user.uid ?? '' },
    status: {},
  }),
};

/** What becomes of an object before it is stored: defaults, what other objects say, who made it. @throws ApiError */
export async function admit(
  core: Core,
  resource: Resource,
  object: KubeObject,
  user: User,
): Promise<KubeObject> {
  const admission = admissions[resource.plural];
  const admitted = admission ? await admission(core, withoutStatus(resource, object), user) : object;
  if (!resource.counted) return admitted;
  return { ...admitted, metadata: { ...admitted.metadata, generation: 1 } };
}

/** What nobody can say when he makes an object; a mirror pod's kubelet reports later as well. */
function withoutStatus({ subresources }: Resource, object: KubeObject): KubeObject {
  if (!subresources.includes('status')) return object;
  return without(object, 'status') as KubeObject;
}

/** What must not change. @throws ApiError 422 */
export function admitUpdate({ plural }: Resource, wanted: KubeObject, found: KubeObject): KubeObject {
  if (plural === 'pods') return fixedPodFields(wanted, found);
  if (plural === 'secrets') return admitSecret(wanted);
  const { selector: before } = (found['spec'] ?? {}) as { selector?: object };
  const { selector: after } = (wanted['spec'] ?? {}) as { selector?: object };
  if (plural in fixedSelectors && JSON.stringify(before) !== JSON.stringify(after))
    throw invalid(`${plural} "${found.metadata.name}": spec.selector: field is immutable`);
  return wanted;
}

const fixedSelectors = { deployments: true, replicasets: true, daemonsets: true, statefulsets: true };
