import { isDeepStrictEqual } from 'node:util';
import { generatedName } from '../../kube/generated-name.js';
import type { KubeObject } from '../../kube/objects.js';
import { resourceOf } from '../../kube/resources.js';
import { without } from '../../kube/without.js';
import { ApiError, forbidden, invalid } from '../api-error.js';
import type { Core } from '../core.js';

interface Mount {
  readonly name: string;
  readonly mountPath: string;
  readonly readOnly?: boolean;
}
interface Container {
  readonly name: string;
  readonly volumeMounts?: readonly Mount[];
}
interface Pod extends KubeObject {
  spec: {
    nodeName?: string;
    serviceAccountName?: string;
    automountServiceAccountToken?: boolean;
    containers: Container[];
    volumes?: object[];
    tolerations?: object[];
    [field: string]: unknown;
  };
}
interface Account extends KubeObject {
  secrets?: { name: string }[];
  automountServiceAccountToken?: boolean;
}

export const tokenFolder = '/var/run/secrets/kubernetes.io/serviceaccount';
const mirror = 'kubernetes.io/config.mirror';

const defaults = {
  restartPolicy: 'Always',
  dnsPolicy: 'ClusterFirst',
  terminationGracePeriodSeconds: 30,
  schedulerName: 'default-scheduler',
  enableServiceLinks: true,
};

/** Defaults and the account's token, mounted as the ServiceAccount admission does; a mirror pod gets none. */
export async function admitPod(core: Core, object: KubeObject): Promise<KubeObject> {
  const pod = object as Pod;
  if (!Array.isArray(pod.spec.containers) || pod.spec.containers.length === 0)
    throw invalid(`Pod "${pod.metadata.name}" is invalid: spec.containers: Required value`);
  const status = { phase: 'Pending', qosClass: 'BestEffort' };
  const withDefaults = { ...pod, spec: { ...defaults, ...pod.spec }, status };
  if (pod.metadata.annotations?.[mirror] !== undefined) return withDefaults;
  return { ...withDefaults, spec: await withAccount(core, withDefaults) };
}

async function withAccount(core: Core, { spec, metadata }: Pod): Promise<Pod['spec']> {
  const { serviceAccountName: name = 'default' } = spec;
  const { namespace = '' } = metadata;
  const account = (core.caches.serviceaccounts.get(name, namespace) ??
    (await core.storage.find(resourceOf('serviceaccounts'), namespace, name))) as Account | undefined;
  if (!account)
    throw forbidden(
      `pods "${metadata.name}" is forbidden: error looking up service account ${namespace}/${name}: serviceaccount "${name}" not found`,
    );
  const named = { ...spec, serviceAccountName: name, serviceAccount: name };
  if ((spec.automountServiceAccountToken ?? account.automountServiceAccountToken) === false) return named;
  return core.projectedTokens
    ? mounted(named, projectedVolume())
    : mounted(named, await legacyVolume(core, account));
}

type Volume = Readonly<Record<string, unknown>> & { readonly name: string };

/** Containers that mount something of their own there keep it. */
function mounted(spec: Pod['spec'], volume: Volume): Pod['spec'] {
  const free = ({ volumeMounts = [] }: Container): boolean =>
    !volumeMounts.some(({ mountPath }) => mountPath === tokenFolder);
  if (!spec.containers.some(free)) return spec;
  const mount = { name: volume.name, mountPath: tokenFolder, readOnly: true };
  return {
    ...spec,
    volumes: [...(spec.volumes ?? []), volume],
    containers: spec.containers.map((container) =>
      free(container)
        ? { ...container, volumeMounts: [...(container.volumeMounts ?? []), mount] }
        : container,
    ),
  };
}

/** The first token Secret that the account refers to. A pod whose account has none yet is refused, and tried again. */
async function legacyVolume({ storage }: Core, { metadata, secrets = [] }: Account): Promise<Volume> {
  for (const { name } of secrets) {
    const secret = await storage.find(resourceOf('secrets'), metadata.namespace, name);
    if (secret?.['type'] === 'kubernetes.io/service-account-token')
      return { name, secret: { secretName: name, defaultMode: 420 } };
  }
  throw new ApiError(
    500,
    'ServerTimeout',
    `No API token found for service account "${metadata.name}", retry after the token is automatically created and added to the service account`,
  );
}

function projectedVolume(): Volume {
  const namespace = [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }];
  return {
    name: generatedName('kube-api-access-'),
    projected: {
      defaultMode: 420,
      sources: [
        { serviceAccountToken: { expirationSeconds: 3600, path: 'token' } },
        { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
        { downwardAPI: { items: namespace } },
      ],
    },
  };
}

/** Of a pod's spec little can be changed; here nothing but what it tolerates. @throws ApiError 422 */
export function fixedPodFields(wanted: KubeObject, found: KubeObject): KubeObject {
  const fixed = (pod: KubeObject): object => without((pod as Pod).spec, 'tolerations');
  if (isDeepStrictEqual(fixed(wanted), fixed(found))) return wanted;
  throw invalid(
    `Pod "${found.metadata.name}" is invalid: spec: Forbidden: pod updates may not change fields other than \`spec.tolerations\``,
  );
}
