import { isPassing } from '../adapters/kube/error.js';
import type { KubeObject } from '../adapters/kube/types.js';
import type { StepContext } from './context.js';

type Surroundings = Pick<StepContext, 'kube' | 'note'>;

interface Lease extends KubeObject {
  spec?: { holderIdentity?: string };
}

function path(lease: string): string {
  return `/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/${lease}`;
}

/** Who holds a lease of `kube-system`; undefined: nobody ever did. */
export async function leaseHolder(
  { kube }: Pick<StepContext, 'kube'>,
  lease: string,
): Promise<string | undefined> {
  return (await kube().get<Lease>(path(lease))).spec?.holderIdentity;
}

const tries = 3;

/**
 * Gives a lease back in the name of a process that is gone, only while that still holds it. A JSON patch that tests the
 * holder is refused when another took it, so it may be sent again when the answer was lost. Without it the cluster has its
 * controllers a few seconds later: that is worth a note, and no end of the rotation.
 */
export async function giveLeaseBack(context: Surroundings, lease: string, gone: string): Promise<void> {
  for (let tried = 1; ; tried += 1) {
    try {
      const { status } = await giveBack(context, lease, gone);
      // What was lost may have been carried out.
      if (status >= 300 && tried === 1)
        context.note(`lease ${lease} was not given back (status ${status}): another process took it`);
      return;
    } catch (error) {
      if (!isPassing(error)) throw error;
      if (tried < tries) continue;
      context.note(`lease ${lease} was not given back, it runs out by itself: ${(error as Error).message}`);
      return;
    }
  }
}

function giveBack({ kube }: Surroundings, lease: string, gone: string): Promise<{ status: number }> {
  const change = [
    { op: 'test', path: '/spec/holderIdentity', value: gone },
    { op: 'replace', path: '/spec/holderIdentity', value: '' },
    { op: 'replace', path: '/spec/leaseDurationSeconds', value: 1 },
  ];
  return kube().request('PATCH', path(lease), change, 'application/json-patch+json');
}
