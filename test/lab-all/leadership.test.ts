import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, expect, it } from 'vitest';
import { labSuite } from '../lab/lab-suite.js';
import { childCommand } from '../lab/run/child.js';
import { etcdctl, readEtcd } from '../lab/run/cluster-state.js';
import { startLoad, type LoadResult } from '../lab/run/load.js';
import { say } from '../lab/say.js';
import { bringUp, type TestLab } from '../lab/test-lab.js';

const moves = 10;
/** Between two moves, so that what one does is over before the next. */
const restMs = 4000;

/** Moves leadership again and again under 130 requests a second; resolves to what failed and what was lost. */
async function movedUnderLoad(
  lab: TestLab,
  move: () => Promise<void>,
): Promise<{ failed: number; lost: number }> {
  const folder = await mkdtemp(join(tmpdir(), 'keyroll-lab-test-'));
  const load = await startLoad(lab, folder, lab.kubeconfig);
  try {
    for (let count = 0; count < moves; count += 1) {
      await sleep(restMs);
      await move();
    }
    await sleep(restMs);
    const { stats } = JSON.parse(await load.finish()) as LoadResult;
    const all = Object.entries(stats.classes);
    for (const [name, { requests, failed, resent, longestLatencyMs, failures }] of all) {
      say(
        `${name}: ${requests} requests, ${failed} failed, ${resent} resent, longest latency ${longestLatencyMs} ms`,
      );
      for (const { error, latencyMs } of failures.slice(0, 5)) say(`  ${latencyMs} ms: ${error}`);
    }
    return {
      failed: all.reduce((sum, [, { failed }]) => sum + failed, 0),
      lost: stats.classes['load-write']?.lost ?? NaN,
    };
  } finally {
    load.kill();
    await rm(folder, { recursive: true, force: true });
  }
}

/** As anybody would do it: without holding anything back. */
async function bareMove(lab: TestLab): Promise<void> {
  const { leader } = await readEtcd(lab);
  const names = lab.masters.map(({ name }) => name);
  const next = names[(names.indexOf(leader) + 1) % names.length] ?? '';
  const printed = await lab.onNode(next, `${etcdctl} endpoint status -w json`);
  // Member ids are larger than what JSON's numbers hold exactly: they are read from the text.
  const id = /"member_id":(\d+)/.exec(printed)?.[1];
  if (id === undefined) throw new Error(`node ${next}: etcdctl printed ${printed}; expected a member_id`);
  await lab.onNode(leader, `${etcdctl} move-leader ${BigInt(id).toString(16)}`);
}

/** As a rotation does it. */
async function pausedMove(lab: TestLab): Promise<{ settled: boolean }> {
  const masters = lab.masters.map(({ name, ip }) => `${name}=${ip}`);
  const args = [join(lab.clusterDir, 'apimodel.json'), lab.plan.fqdn, lab.sshKey, ...masters];
  const { code, stdout, stderr } = await lab.exec(childCommand('move-main', args));
  if (code !== 0) throw new Error(`move-main: ended with ${code}: ${stderr.slice(-2000)}`);
  const { pauses, move, settled } = JSON.parse(stdout) as {
    settled: boolean;
    pauses: { begun: number; ended: number }[];
    move: { begun: number; ended: number };
  };
  const longest = Math.max(...pauses.map(({ begun, ended }) => ended - begun));
  say(
    `moved in ${move.ended - move.begun} ms, behind a pause of ${longest} ms, ${settled ? 'settled' : 'not settled'}`,
  );
  return { settled };
}

labSuite(`lab: ${moves} moves of etcd's leadership under 130 requests a second`, () => {
  let lab: TestLab;
  beforeAll(async () => {
    lab = await bringUp();
  });

  it('fail requests without a pause', { timeout: 600_000 }, async () => {
    const before = (await readEtcd(lab)).term;
    const { failed, lost } = await movedUnderLoad(lab, () => bareMove(lab));
    expect((await readEtcd(lab)).term - before).toBeGreaterThanOrEqual(moves);
    expect(failed).toBeGreaterThan(0);
    expect(lost).toBe(0);
  });

  it('fail none behind a pause on all masters', { timeout: 600_000 }, async () => {
    const before = (await readEtcd(lab)).term;
    const settled: boolean[] = [];
    const { failed, lost } = await movedUnderLoad(lab, async () => {
      settled.push((await pausedMove(lab)).settled);
    });
    expect(settled).toContain(true);
    expect((await readEtcd(lab)).term - before).toBeGreaterThanOrEqual(moves);
    expect({ failed, lost }).toEqual({ failed: 0, lost: 0 });
  });
});
