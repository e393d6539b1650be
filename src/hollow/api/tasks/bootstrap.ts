import type { KubeObject } from '../../kube/objects.js';
import { groupVersionOf, resourceOf } from '../../kube/resources.js';
import { addressAt } from '../admission/services.js';
import { ApiError } from '../api-error.js';
import { bootstrapRoles } from '../bootstrap-roles.js';
import { authenticated, mastersGroup } from '../identity.js';
import { admit } from '../admission/index.js';
import type { Core } from '../core.js';
import { typed } from '../read.js';

/** The first address of the Service range: where pods find the API. */
export function serviceAddress(range: string): string {
  return addressAt(range, 1);
}

const namespace = (name: string): KubeObject => ({ metadata: { name } });

/** What kube-apiserver makes at its start unless it is there: namespaces, default roles, Service `kubernetes`. */
export async function bootstrap(core: Core, securePort: number): Promise<void> {
  for (const name of ['default', 'kube-system', 'kube-public', 'kube-node-lease'])
    await make(core, 'namespaces', namespace(name));
  for (const [plural, roles] of Object.entries(bootstrapRoles))
    for (const role of roles) await make(core, plural, role);
  await make(core, 'services', {
    metadata: { name: 'kubernetes', namespace: 'default', labels: { component: 'apiserver' } },
    spec: {
      clusterIP: serviceAddress(core.serviceRange),
      ports: [{ name: 'https', port: 443, protocol: 'TCP', targetPort: securePort }],
    },
  });
}

const itself = authenticated({ name: 'system:apiserver', groups: [mastersGroup] });

async function make(core: Core, plural: string, object: KubeObject): Promise<void> {
  const resource = resourceOf(plural);
  const { name, namespace: within } = object.metadata;
  if (await core.storage.find(resource, within, name)) return;
  const whole = { ...typed(resource, object), apiVersion: groupVersionOf(resource) };
  try {
    await core.storage.create(resource, await admit(core, resource, whole, itself));
  } catch (error) {
    // Another master was faster.
    if (!(error instanceof ApiError) || error.code !== 409) throw error;
  }
}
