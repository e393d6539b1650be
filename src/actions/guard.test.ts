import { describe, expect, it, vi } from 'vitest';
import type { KubeClient } from '../adapters/kube/types.js';
import { StopRequest, StoppedError } from '../execute/stop.js';
import { disruptionGuard } from './guard.js';

/** A cluster with one Service for each list of nodes that its ready endpoints are on. */
function cluster(...services: readonly (readonly string[])[]): () => KubeClient {
  const items = services.map((nodes, index) => ({
    metadata: { name: `service-${index}` },
    subsets: [{ addresses: nodes.map((nodeName) => ({ nodeName })) }],
  }));
  return () => ({ list: () => Promise.resolve(items) }) as unknown as KubeClient;
}

/** Enters, and tells whether that has been granted. */
function entering(
  guard: ReturnType<typeof disruptionGuard>,
  node: string,
): { readonly granted: () => boolean } {
  let granted = false;
  void guard.enter(node).then(() => (granted = true));
  return { granted: () => granted };
}

/** Long enough for everything that could be granted. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 50; turn += 1) await Promise.resolve();
}

describe('the disruption guard', () => {
  it('holds a node back while it has the last endpoint of a Service that is not disturbed', async () => {
    const guard = disruptionGuard(cluster(['a', 'b'], ['c']), new StopRequest());
    await guard.enter('a');
    const b = entering(guard, 'b');
    await settled();
    expect(b.granted()).toBe(false);
    guard.leave('a');
    await vi.waitUntil(b.granted);
  });

  it('lets nodes be disturbed together where every Service keeps an endpoint', async () => {
    const guard = disruptionGuard(cluster(['a', 'b', 'c']), new StopRequest());
    await guard.enter('a');
    await guard.enter('b');
    const c = entering(guard, 'c');
    await settled();
    expect(c.granted()).toBe(false);
  });

  it('lets a node in again that has not left, though another one waits for it', async () => {
    const guard = disruptionGuard(cluster(['a', 'b']), new StopRequest());
    await guard.enter('a');
    const b = entering(guard, 'b');
    await guard.enter('a');
    expect(b.granted()).toBe(false);
    guard.leave('a');
    guard.leave('a');
    await vi.waitUntil(b.granted);
  });

  it('lets nobody wait behind a stop: whom they wait for may never leave', async () => {
    const stop = new StopRequest();
    const guard = disruptionGuard(cluster(['a', 'b']), stop);
    await guard.enter('a');
    const b = guard.enter('b');
    stop.request('somebody asked');
    await expect(b).rejects.toThrow(StoppedError);
    await expect(guard.enter('b')).rejects.toThrow('somebody asked');
    guard.leave('a');
    await guard.enter('b');
  });
});
