import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { network } from '../../lab/cluster/plan.js';
import type { ClassStats } from '../../src/probe/index.js';
import { waitUntilWell } from '../lab/assertions/nodes.js';
import type { Fault } from '../lab/run/faults.js';
import { startLoad, type LoadResult } from '../lab/run/load.js';
import type { TestLab } from '../lab/test-lab.js';

const gentle = { reads: 20, writes: 12 };
/** After a fault a kubelet may take some minutes to tell that its node is Ready. */
export const wellS = 300;

export interface Asked {
  readonly requests: number;
  readonly failed: number;
  readonly lost: number;
  /** Of those that failed, how many did on a way that the fault itself took away. */
  readonly taken: number;
  readonly errors: readonly string[];
}

/** What a prober of the test's own saw while something happened, until all was well again. */
export async function asked(lab: TestLab, fault: Fault, happens: () => Promise<void>): Promise<Asked> {
  const folder = await mkdtemp(join(tmpdir(), 'keyroll-lab-fault-'));
  const down = fault.down === undefined ? {} : { notDirectly: fault.down(lab) };
  const load = await startLoad(lab, folder, lab.currentKubeconfig(), { ...gentle, ...down });
  try {
    await happens();
    await waitUntilWell(lab, wellS);
    const { stats } = JSON.parse(await load.finish()) as LoadResult;
    return summed(Object.values(stats.classes), fault);
  } finally {
    load.kill();
    await rm(folder, { recursive: true, force: true });
  }
}

function summed(classes: readonly ClassStats[], { takes }: Fault): Asked {
  const sum = (key: 'requests' | 'failed' | 'lost'): number =>
    classes.reduce((total, stats) => total + (stats[key] ?? 0), 0);
  const errors = classes.flatMap(({ failures }) =>
    failures.map(({ at, error, via }) => `${at} ${via} ${error}`),
  );
  const taken = takes === undefined ? 0 : classes.reduce((total, stats) => total + takenOf(stats, takes), 0);
  return { requests: sum('requests'), failed: sum('failed'), lost: sum('lost'), taken, errors };
}

/**
 * Failures by the balancer; with `connection` those without an answer on one connection, the one with the most. Of more
 * than 50 failures the first ones alone are known one by one: all are taken if each of those is.
 */
function takenOf({ failures, failed }: ClassStats, takes: 'balancer' | 'connection'): number {
  const byBalancer = failures.filter(({ via }) => via.startsWith(`${network.publicBalancer}:`));
  if (takes === 'balancer') return byBalancer.length === failures.length ? failed : byBalancer.length;
  const silent = byBalancer.filter(({ error }) => error.startsWith('no answer'));
  const counts = silent.map(({ via }) => silent.filter((other) => other.via === via).length);
  return Math.max(0, ...counts);
}

/** What was seen each time, in one. */
export function all(seen: readonly Asked[]): Asked {
  const sum = (key: 'requests' | 'failed' | 'lost' | 'taken'): number =>
    seen.reduce((total, each) => total + each[key], 0);
  const errors = seen.flatMap((each) => each.errors);
  return { requests: sum('requests'), failed: sum('failed'), lost: sum('lost'), taken: sum('taken'), errors };
}
