import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Journal } from '../execute/journal.js';
import type { Barrier } from '../model/plan.js';
import { openPart } from './found.js';

let folder: string;
let journal: Journal;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'keyroll-found-'));
  journal = Journal.open(join(folder, 'journal.jsonl'));
});
afterEach(() => {
  journal.close();
  rmSync(folder, { recursive: true });
});

const expectation = (node: string): Barrier['nodes'][number] => ({
  ...{ node, files: [], servers: [], processes: [] },
});
const barrier: Barrier = { phase: 'trust', nodes: ['m0', 'm1', 'm2'].map(expectation) };
const nodes = (): string[] => openPart(barrier, journal).nodes.map(({ node }) => node);

describe('the barrier of a phase', () => {
  it('is that of all nodes', () => {
    expect(nodes()).toEqual(['m0', 'm1', 'm2']);
    journal.append('reopened', 'present', { nodes: ['m1'] });
    expect(nodes()).toEqual(['m0', 'm1', 'm2']);
  });

  it('that had ended is that of the nodes for which it was opened again: the others have gone on', () => {
    journal.append('phase', 'trust', {});
    journal.append('reopened', 'trust', { nodes: ['m1'] });
    expect(nodes()).toEqual(['m1']);
    journal.append('phase', 'trust', {});
    expect(nodes()).toEqual(['m0', 'm1', 'm2']);
  });
});
