import { describe, expect, it } from 'vitest';
import type { Pod } from './pod.js';
import { showsReadiness } from './status.js';

/** A pod of two containers as the API may show it. */
function shown(ready: readonly string[], whole: boolean): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web', namespace: 'apps' },
    spec: { containers: [] },
    status: {
      phase: 'Running',
      conditions: [{ type: 'Ready', status: whole ? 'True' : 'False' }],
      containerStatuses: ['a', 'b'].map((name) => ({ name, ready: ready.includes(name) })),
    },
  };
}

const both = ['a', 'b'];

describe('what the API shows of a pod', () => {
  it('is right when it shows each container and the whole as they are', () => {
    expect(showsReadiness(shown(both, true), both, new Set(both))).toBe(true);
    expect(showsReadiness(shown(['a'], false), both, new Set(['a']))).toBe(true);
  });
  it('is wrong of a container that came or went', () => {
    expect(showsReadiness(shown(['a'], false), both, new Set(both))).toBe(false);
    expect(showsReadiness(shown(both, true), both, new Set(['a']))).toBe(false);
  });
  it('is wrong of the whole, which a node that was not Ready took away', () => {
    expect(showsReadiness(shown(both, false), both, new Set(both))).toBe(false);
  });
});
