import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Materials } from '../../../src/model/materials.js';
import type { Facts } from '../../../src/plan/facts.js';
import { smallCluster, smallMaterials } from '../small-cluster.js';
import { Drive, type Incident } from './drive.js';
import { World } from './world.js';

/** `make test-all` tries every place and many more sequences. */
const all = process.env.KEYROLL_TEST_ALL !== undefined;

let facts: Facts;
let materials: Materials;
let folder: string;
let runs = 0;

beforeAll(async () => {
  // In memory where that is possible: a rotation writes some 200 records, each of which waits for the disk.
  folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'keyroll-recovery-'));
  materials = await smallMaterials(smallCluster());
  facts = withRealCa({ ...smallCluster(), etcdLeader: 'master-0', controllerManagerLeader: 'master-1' });
});
afterAll(() => rmSync(folder, { recursive: true }));

/** The old CA on every node is the one of the materials: worlds compare it. */
function withRealCa(plain: Facts): Facts {
  const text = materials.get('old-ca.crt');
  const { ca } = plain.layout;
  const inventories = [...plain.inventories].map(([name, inventory]) => {
    const seen = inventory.files.get(ca);
    const files = new Map(inventory.files);
    if (seen) files.set(ca, { ...seen, content: text });
    return [name, { ...inventory, files }] as const;
  });
  return { ...plain, inventories: new Map(inventories) };
}

async function drive(incidents: readonly Incident[]): Promise<{ end: string; world: World; places: number }> {
  runs += 1;
  const file = join(folder, `${runs}`, 'journal.jsonl');
  const one = new Drive(new World(facts, materials), file, incidents);
  const end = await one.toTheEnd();
  rmSync(join(folder, `${runs}`), { recursive: true });
  return { end, world: one.world, places: one.places };
}

/** Everything is as it was found. */
function expectAllOld(world: World): void {
  for (const node of world.nodes.values()) {
    expect(Object.fromEntries(node.disk)).toEqual(Object.fromEntries(node.original));
    expect([node.name, node.kubelet.certificate, [...node.kubelet.trust]]).toEqual([
      node.name,
      'old',
      ['old'],
    ]);
    expect([node.name, node.pod.token, [...node.pod.trust]]).toEqual([node.name, 'old', ['old']]);
  }
  for (const { api, manager, etcd } of world.masters)
    expect([api?.signs, [...(api?.clients ?? [])], manager?.signs, [...etcd]]).toEqual([
      'old',
      ['old'],
      'old',
      ['old'],
    ]);
  expect([world.rootCa, world.newAdmin]).toEqual(['old', false]);
}

/** Nothing of the old side is left, and no bridge. */
function expectAllNew(world: World): void {
  for (const node of world.nodes.values()) {
    const kept = [...node.disk]
      .filter(([path, text]) => text === node.original.get(path))
      .map(([path]) => path);
    expect(kept.filter((path) => /\.(crt|key)$/.test(path))).toEqual([]);
    expect([...node.disk].filter(([, text]) => /\.chain|\.bundle|bridge/.test(text))).toEqual([]);
    expect([node.kubelet.certificate, [...node.kubelet.trust], node.pod.token, [...node.pod.trust]]).toEqual([
      'new',
      ['new'],
      'new',
      ['new'],
    ]);
  }
  for (const { api, manager, etcd } of world.masters)
    expect([api?.signs, [...(api?.clients ?? [])], manager?.signs, [...etcd]]).toEqual([
      'new',
      ['new'],
      'new',
      ['new'],
    ]);
}

function expectWhole(end: string, world: World): void {
  if (end === 'rotated') expectAllNew(world);
  else expectAllOld(world);
}

describe('a rotation of a world without incidents', () => {
  it('offends nobody at any instant, and ends all new', async () => {
    const { end, world, places } = await drive([]);
    expect(end).toBe('rotated');
    expectAllNew(world);
    expect(places).toBeGreaterThan(200);
  });
});

const nodes = ['master-0', 'master-1', 'master-2', 'agent-0'];
const what: fc.Arbitrary<Incident['what']> = fc.oneof(
  fc.record({
    kind: fc.constant('kill' as const),
    then: fc.constantFrom('resume' as const, 'rollback' as const),
  }),
  fc.record({ kind: fc.constant('reboot' as const), node: fc.constantFrom(...nodes) }),
  fc.record({ kind: fc.constant('pod-restart' as const), node: fc.constantFrom(...nodes) }),
);
const incidents = fc.array(fc.record({ at: fc.integer({ min: 1, max: 500 }), what }), { maxLength: 8 });

describe('whatever dies, and whenever', () => {
  it('ends all old or all new, and offends nobody at any instant', async () => {
    await fc.assert(
      fc.asyncProperty(incidents, async (sequence) => {
        const { end, world } = await drive(sequence);
        expectWhole(end, world);
      }),
      { numRuns: all ? 2000 : 60 },
    );
  }, 600_000);

  it.each(['resume', 'rollback'] as const)(
    'ends whole when keyroll is killed at any place, then %s',
    async (then) => {
      const { places } = await drive([]);
      for (let at = 1; at <= places; at += all ? 1 : 7) {
        const { end, world } = await drive([{ at, what: { kind: 'kill', then } }]);
        expectWhole(end, world);
      }
    },
  );
});

describe('a journal that is not what the nodes show', () => {
  /** Killed when `place` is reached, taken up with a journal that somebody changed meanwhile. */
  async function takeUpWith(
    at: number,
    change: (lines: string[]) => string[],
    command: 'resume' | 'rollback' = 'resume',
  ): Promise<{ end: string; world: World; notes: readonly string[] }> {
    runs += 1;
    const file = join(folder, `${runs}`, 'journal.jsonl');
    const first = new Drive(new World(facts, materials), file, [
      { at, what: { kind: 'kill', then: 'resume' } },
    ]);
    await expect(first.once()).rejects.toThrow('killed');
    const lines = readFileSync(file, 'utf8').split('\n').filter(Boolean);
    writeFileSync(
      file,
      change(lines)
        .map((line) => `${line}\n`)
        .join(''),
    );
    const second = new Drive(first.world, file, []);
    const end = await second.toTheEnd(command);
    return { end, world: first.world, notes: second.notes };
  }

  it('knows less: phases that nodes have behind them count as ended', async () => {
    const { end, world, notes } = await takeUpWith(190, (lines) => lines.slice(0, 12));
    expect(notes).toContain(
      'the journal does not say that trust has ended, but nodes show what comes after it',
    );
    expect(end).toBe('rotated');
    expectAllNew(world);
  });

  it('does not know that distrust has begun: there is no way back all the same', async () => {
    const { places } = await drive([]);
    const asOfRefresh = (lines: string[]): string[] => {
      const after = lines.findIndex((line) => line.includes('"id":"distrust/'));
      expect(lines.slice(after).join()).toContain('"type":"done","id":"distrust/apiserver/');
      return lines.slice(0, after);
    };
    const { end, world } = await takeUpWith(Math.floor(places * 0.9), asOfRefresh, 'rollback');
    expect(end).toBe('rotated');
    expectAllNew(world);
  });

  it('is that of another rotation state: a node that shows less is done again', async () => {
    runs += 1;
    const file = join(folder, `${runs}`, 'journal.jsonl');
    const world = new World(facts, materials);
    const first = new Drive(world, file, [{ at: 70, what: { kind: 'kill', then: 'resume' } }]);
    await expect(first.once()).rejects.toThrow('killed');
    // As if master-2 had been put back from an image of before the rotation.
    const lost = world.node('master-2');
    lost.disk.clear();
    for (const [path, text] of lost.original) lost.disk.set(path, text);
    world.boot(lost);
    const second = new Drive(world, file, []);
    expect(await second.toTheEnd()).toBe('rotated');
    expect(second.notes.join()).toContain('node master-2: shows less than the journal says');
    expectAllNew(world);
    const again = readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => line.includes('"type":"reopened"'))
      .map((line) => JSON.parse(line) as { id: string; details?: unknown });
    expect(again.find(({ id }) => id === 'trust')?.details).toEqual({ nodes: ['master-2'] });
    // What the phase under way had done there already too.
    expect(again.map(({ id }) => id)).toEqual(
      expect.arrayContaining(['trust/apiserver/master-2', 'present/etcd/master-2']),
    );
  });
});
