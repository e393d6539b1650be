import { describe, expect, it } from 'vitest';
import { ailments, expectedPods, healthOf, type Boots, type NodeObject, type PodObject } from './health.js';

const well = { nodes: 5, nodesNotReady: [], pods: 28, podsNotReady: [], aggregatedNotAvailable: [] };

describe('ailments', () => {
  it('finds nothing wrong with a healthy cluster', () => {
    expect(ailments(well, { nodes: 5, pods: expectedPods(3, 2) })).toEqual([]);
  });

  it('names what is not well, but not all of many', () => {
    const ill = { ...well, pods: 20, nodesNotReady: ['a'], podsNotReady: ['p1', 'p2', 'p3', 'p4', 'p5'] };
    expect(ailments(ill, { nodes: 5, pods: 28 })).toEqual([
      'nodes not Ready: a',
      '20 of 28 pods',
      'pods not Ready: p1, p2, p3, p4, …',
    ]);
  });
});

describe('healthOf', () => {
  const before = '2026-01-01T00:00:00Z';
  const after = '2026-01-01T00:01:00Z';
  const boots: Boots = { time: Date.parse('2026-01-01T00:00:30Z'), nodes: new Set(['booted']) };
  const node = (name: string, lastHeartbeatTime: string): NodeObject => ({
    metadata: { name },
    status: { conditions: [{ type: 'Ready', status: 'True', lastHeartbeatTime }] },
  });
  const pod = (nodeName: string, startedAt: string, phase = 'Running'): PodObject => ({
    metadata: { name: `on-${nodeName}`, namespace: 'lab' },
    spec: { nodeName },
    status: {
      phase,
      conditions: [{ type: 'Ready', status: phase === 'Running' ? 'True' : 'False' }],
      containerStatuses: [{ state: { running: { startedAt } } }],
    },
  });

  it('does not believe what is known of a node from before its boot', () => {
    const listed = { nodes: [node('booted', before)], pods: [pod('booted', before)], services: [] };
    expect(healthOf(listed, boots)).toMatchObject({
      nodesNotReady: ['booted'],
      podsNotReady: ['lab/on-booted'],
    });
  });

  it('believes what was said after it, and of nodes that were not booted', () => {
    const nodes = [node('booted', after), node('other', before)];
    const pods = [pod('booted', after), pod('other', before)];
    expect(healthOf({ nodes, pods, services: [] }, boots)).toMatchObject({
      nodesNotReady: [],
      podsNotReady: [],
    });
  });

  it('does not wait for pods that have done their work', () => {
    const listed = { nodes: [], pods: [pod('other', before, 'Succeeded')], services: [] };
    expect(healthOf(listed, boots).podsNotReady).toEqual([]);
  });
});
