import type { KubeClient, KubeObject } from '../adapters/kube/types.js';
import type { DisruptionGuard } from '../steps/context.js';

interface Endpoints extends KubeObject {
  subsets?: { addresses?: { nodeName?: string }[] }[];
}

/**
 * Lets nodes be disturbed beside each other as long as no Service would have all its ready endpoints on disturbed nodes:
 * a kubelet that restarts may report NotReady for a moment. A Service whose endpoints all lie on one node cannot be kept.
 */
export function disruptionGuard(kube: () => KubeClient): DisruptionGuard {
  const busy = new Set<string>();
  let waiting: (() => void)[] = [];
  let turn = Promise.resolve();

  const enter = async (node: string): Promise<void> => {
    for (;;) {
      const homes = busy.size === 0 ? [] : await endpointNodes(kube());
      if (
        !homes.some((nodes) => nodes.size > 1 && [...nodes].every((home) => home === node || busy.has(home)))
      )
        break;
      await new Promise<void>((resolve) => waiting.push(resolve));
    }
    busy.add(node);
  };
  const leave = (node: string): void => {
    busy.delete(node);
    const all = waiting;
    waiting = [];
    for (const wake of all) wake();
  };

  return {
    async run(node, disturb) {
      // Nodes decide one after another, or two could take the last two endpoints at the same moment.
      const mine = turn.then(() => enter(node));
      turn = mine.catch(() => undefined);
      await mine;
      try {
        return await disturb();
      } finally {
        leave(node);
      }
    },
  };
}

/** For each Service: the nodes that its ready endpoints are on. */
async function endpointNodes(kube: KubeClient): Promise<Set<string>[]> {
  const all = await kube.list<Endpoints>('/api/v1/endpoints');
  return all
    .map(
      (item) =>
        new Set(
          (item.subsets ?? []).flatMap((subset) =>
            (subset.addresses ?? []).flatMap(({ nodeName }) => nodeName ?? []),
          ),
        ),
    )
    .filter((nodes) => nodes.size > 0);
}
