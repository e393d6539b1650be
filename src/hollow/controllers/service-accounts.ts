import { isStatus } from '../client/client.js';
import { keyOf } from '../kube/objects.js';
import { pathOf } from '../kube/resources.js';
import type { Controller } from './context.js';

/** Account `default` in every namespace. */
export const serviceAccounts: Controller = (context) => {
  const queue = context.queue('service accounts', async (namespace) => {
    const found = spaces.get(namespace);
    if (!found || found.metadata.deletionTimestamp !== undefined) return undefined;
    try {
      await context.client.create(pathOf('serviceaccounts', namespace), { metadata: { name: 'default' } });
    } catch (error) {
      if (!isStatus(error, 403, 404, 409)) throw error;
    }
    return undefined;
  });
  const spaces = context.watch('namespaces', (now, before) => {
    if (now && !before) queue.add(keyOf(now));
  });
  context.watch('serviceaccounts', (now, before) => {
    if (!now && before?.metadata.name === 'default') queue.add(before.metadata.namespace ?? '');
  });
};
