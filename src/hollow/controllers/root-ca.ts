import { isStatus } from '../client/client.js';
import { keyOf, type KubeObject } from '../kube/objects.js';
import { pathOf } from '../kube/resources.js';
import type { Controller } from './context.js';

const name = 'kube-root-ca.crt';

interface ConfigMap extends KubeObject {
  data?: Record<string, string>;
}

/** ConfigMap `kube-root-ca.crt` in every namespace, with the CA that kube-controller-manager was started with. */
export function rootCaPublisher(rootCa: string): Controller {
  const data = { 'ca.crt': rootCa };
  return (context) => {
    const queue = context.queue('root CA publisher', async (namespace) => {
      const space = spaces.get(namespace);
      if (!space || space.metadata.deletionTimestamp !== undefined) return undefined;
      const path = pathOf('configmaps', namespace);
      try {
        const found = await context.client.get<ConfigMap>(`${path}/${name}`);
        if (found.data?.['ca.crt'] !== rootCa)
          await context.client.update(`${path}/${name}`, { ...found, data });
      } catch (error) {
        if (!isStatus(error, 404)) throw error;
        await context.client.create(path, { metadata: { name }, data });
      }
      return undefined;
    });
    const spaces = context.watch('namespaces', (now, before) => {
      if (now && !before) queue.add(keyOf(now));
    });
    context.watch<ConfigMap>('configmaps', (now, before) => {
      const map = now ?? before;
      if (map?.metadata.name === name) queue.add(map.metadata.namespace ?? '');
    });
  };
}
