import type { KubeClient, KubeObject } from '../adapters/kube/types.js';
import type { StopRequest } from '../execute/stop.js';
import type { DisruptionGuard } from '../steps/context.js';

interface Endpoints extends KubeObject {
  subsets?: { addresses?: { nodeName?: string }[] }[];
}

/**
 * Lets nodes be disturbed beside each other as long as no Service would have all its ready endpoints on disturbed nodes:
 * a kubelet that restarts may report NotReady for a moment. A Service whose endpoints all lie on one node cannot be kept.
 * Nobody waits behind a stop: whom they wait for may never leave, since its next step does not begin.
 */
export function disruptionGuard(kube: () => KubeClient, stop: StopRequest): DisruptionGuard {
  const busy = new Set<string>();
  let waiting: (() => void)[] = [];
  let turn = Promise.resolve();
  const wakeAll = (): void => {
    const all = waiting;
    waiting = [];
    for (const wake of all) wake();
  };
  stop.signal.addEventListener('abort', wakeAll);

  const enter = async (node: string): Promise<void> => {
    while (await wouldEmptyAService(node)) {
      stop.check();
      await new Promise<void>((resolve) => waiting.push(resolve));
    }
    busy.add(node);
  };
  const wouldEmptyAService = async (node: string): Promise<boolean> => {
    const homes = busy.size === 0 ? [] : await endpointNodes(kube());
    return homes.some(
      (nodes) => nodes.size > 1 && [...nodes].every((home) => home === node || busy.has(home)),
    );
  };

  return {
    enter(node) {
      // Not behind others, who may wait for just this node to leave.
      if (busy.has(node)) return Promise.resolve();
      // Nodes decide one after another, or two could take the last two endpoints at the same moment.
      const mine = turn.then(() => enter(node));
      turn = mine.catch(() => undefined);
      return mine;
    },
    leave(node) {
      busy.delete(node);
      wakeAll();
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
