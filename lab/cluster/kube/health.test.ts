import { expect, it } from 'vitest';
import { ailments, expectedPods } from './health.js';

const well = { nodes: 5, nodesNotReady: [], pods: 28, podsNotReady: [], aggregatedNotAvailable: [] };

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
