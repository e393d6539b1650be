import { isStatus } from '../client/client.js';
import { fits, keyOf, type KubeObject } from '../kube/objects.js';
import { pathOf } from '../kube/resources.js';
import { split, type Controller, type ControllerContext, type Watched } from './context.js';
import { isActive, isReady, type Pod } from './pods.js';
import type { Outcome } from './work-queue.js';

interface Service extends KubeObject {
  spec: {
    selector?: Record<string, string>;
    ports?: { name?: string; port: number; targetPort?: number | string; protocol?: string }[];
  };
}
interface Endpoints extends KubeObject {
  subsets?: object[];
}

/** Which pods stand behind each Service: those that are Ready, and apart from them those that are not. */
export const endpoints: Controller = (context) => {
  const pods = context.watch<Pod>('pods', (now, before) => {
    for (const service of services.all)
      if ([now, before].some((pod) => pod && isBehind(pod, service))) queue.add(keyOf(service));
  });
  const queue = context.queue('endpoints', (key) => reconcile(context, services, pods, key));
  const services: Watched<Service> = context.watch<Service>('services', (now, before) => {
    const service = now ?? before;
    if (service) queue.add(keyOf(service));
  });
};

function isBehind({ metadata }: Pod, service: Service): boolean {
  const { selector } = service.spec;
  return (
    selector !== undefined &&
    metadata.namespace === service.metadata.namespace &&
    fits(metadata.labels, { matchLabels: selector })
  );
}

async function reconcile(
  context: ControllerContext,
  services: Watched<Service>,
  pods: Watched<Pod>,
  key: string,
): Promise<Outcome> {
  const { namespace, name } = split(key);
  const service = services.get(key);
  if (!service) {
    await context.client.delete(pathOf('endpoints', namespace, name));
    return undefined;
  }
  if (service.spec.selector === undefined) return undefined;
  const behind = pods.all.filter((pod) => isBehind(pod, service) && isActive(pod) && pod.status?.podIP);
  await write(context, service, subsetsOf(service, behind));
  return undefined;
}

function subsetsOf(service: Service, pods: readonly Pod[]): object[] {
  const [first] = pods;
  if (!first) return [];
  const ports = (service.spec.ports ?? []).flatMap(({ name, port, targetPort, protocol = 'TCP' }) => {
    const found = portOf(targetPort ?? port, first);
    return found === undefined ? [] : [{ ...(name === undefined ? {} : { name }), port: found, protocol }];
  });
  const ordered = pods.toSorted((a, b) => keyOf(a).localeCompare(keyOf(b)));
  const [up, down] = [ordered.filter(isReady), ordered.filter((pod) => !isReady(pod))];
  return [
    {
      ...(up.length === 0 ? {} : { addresses: up.map(addressOf) }),
      ...(down.length === 0 ? {} : { notReadyAddresses: down.map(addressOf) }),
      ports,
    },
  ];
}

/** A port by its name is looked up in the pod. */
function portOf(target: number | string, { spec }: Pod): number | undefined {
  if (typeof target === 'number') return target;
  const all = (spec.containers ?? []).flatMap(({ ports = [] }) => ports);
  return all.find(({ name }) => name === target)?.containerPort;
}

function addressOf({ metadata, spec, status }: Pod): object {
  return {
    ip: status?.podIP,
    nodeName: spec.nodeName,
    targetRef: { kind: 'Pod', namespace: metadata.namespace, name: metadata.name, uid: metadata.uid },
  };
}

async function write({ client }: ControllerContext, { metadata }: Service, subsets: object[]): Promise<void> {
  const { namespace, name, labels = {} } = metadata;
  const path = pathOf('endpoints', namespace);
  try {
    const found = await client.get<Endpoints>(`${path}/${name}`);
    if (JSON.stringify(found.subsets ?? []) === JSON.stringify(subsets)) return;
    await client.update(`${path}/${name}`, { ...found, subsets });
  } catch (error) {
    if (!isStatus(error, 404)) throw error;
    await client.create(path, { metadata: { name, labels }, subsets });
  }
}
