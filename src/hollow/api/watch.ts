import type { KubeObject } from '../kube/objects.js';
import type { Call, Core } from './core.js';
import { allowOnly } from './request-info.js';
import { selectorOf, type Selector } from './selectors.js';
import type { StorageEvent } from './storage.js';

export interface WatchEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly object: KubeObject;
}

export interface WatchStream {
  /** ms; undefined: for ever. */
  readonly lastsMs: number | undefined;
  stop(): void;
}

/**
 * Follows a collection. Without a version, or with 0, what is there comes first, as ADDED. There are no bookmarks.
 * `send` gets events in the order of their versions.
 */
export async function openWatch(
  { storage }: Core,
  { info }: Call,
  send: (event: WatchEvent) => void,
): Promise<WatchStream> {
  const { resource, namespace, query } = info;
  allowOnly(
    query,
    ...['watch', 'labelSelector', 'fieldSelector', 'resourceVersion', 'resourceVersionMatch'],
    ...['timeoutSeconds', 'timeout', 'allowWatchBookmarks', 'limit'],
  );
  const selected = selectorOf(resource, query);
  let after = Number(query.get('resourceVersion') ?? 0);
  if (after === 0) {
    const { revision, objects } = await storage.list(resource, namespace);
    for (const object of objects.filter(selected)) send({ type: 'ADDED', object });
    after = revision;
  }
  const watch = storage.watch(resource, namespace, after, (event) => {
    const told = seenThrough(selected, event);
    if (told) send(told);
  });
  const seconds = Number(query.get('timeoutSeconds') ?? 0);
  return { lastsMs: seconds > 0 ? seconds * 1000 : undefined, stop: () => watch.stop() };
}

/** An object that comes to fit a selector appears, one that no longer fits goes. */
function seenThrough(selected: Selector, { now, before, revision }: StorageEvent): WatchEvent | undefined {
  const [fitted, fits] = [before !== undefined && selected(before), now !== undefined && selected(now)];
  if (now && fits) return { type: fitted ? 'MODIFIED' : 'ADDED', object: now };
  if (!before || !fitted) return undefined;
  const metadata = { ...before.metadata, resourceVersion: String(revision) };
  return { type: 'DELETED', object: { ...before, metadata } };
}
