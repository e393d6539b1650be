import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { ClassStats } from '../../src/probe/index.js';
import { keepRow } from '../hollow-all/fault-rows.js';
import { itRenewedWhatTheClusterHolds, itReplacedTheFrontProxy } from '../lab/assertions/cluster.js';
import { itReplacedEveryCredential } from '../lab/assertions/credentials.js';
import { waitUntilWell } from '../lab/assertions/nodes.js';
import { itLeftNothingOldInUse, itReplacedTheOperatorsFiles } from '../lab/assertions/operator.js';
import { labSuite } from '../lab/lab-suite.js';
import { befallen, breakAlone, faults, type Fault } from '../lab/run/faults.js';
import { runKeyroll } from '../lab/run/keyroll.js';
import { startLoad, type LoadResult } from '../lab/run/load.js';
import { rotateOnce, type Rotation } from '../lab/run/rotation.js';
import { say } from '../lab/say.js';
import { bringUp, type TestLab } from '../lab/test-lab.js';

const args = ['rotate-certs', '--no-probe'];
const gentle = { reads: 20, writes: 12 };
/** After a fault a kubelet may take some minutes to tell that its node is Ready. */
const wellS = 300;

interface Asked {
  readonly requests: number;
  readonly failed: number;
  readonly lost: number;
  readonly errors: readonly string[];
}

/** What a prober of the test's own saw while something happened, until all was well again. */
async function asked(lab: TestLab, fault: Fault, happens: () => Promise<void>): Promise<Asked> {
  const folder = await mkdtemp(join(tmpdir(), 'keyroll-lab-fault-'));
  const down = fault.down === undefined ? {} : { notDirectly: fault.down(lab) };
  const load = await startLoad(lab, folder, lab.currentKubeconfig(), { ...gentle, ...down });
  try {
    await happens();
    await waitUntilWell(lab, wellS);
    const { stats } = JSON.parse(await load.finish()) as LoadResult;
    return summed(Object.values(stats.classes));
  } finally {
    load.kill();
    await rm(folder, { recursive: true, force: true });
  }
}

function summed(classes: readonly ClassStats[]): Asked {
  const sum = (key: 'requests' | 'failed' | 'lost'): number =>
    classes.reduce((total, stats) => total + (stats[key] ?? 0), 0);
  const errors = classes.flatMap(({ failures }) =>
    failures.map(({ at, error, via }) => `${at} ${via} ${error}`),
  );
  return { requests: sum('requests'), failed: sum('failed'), lost: sum('lost'), errors };
}

interface Seen {
  readonly fault: Fault;
  readonly when: string;
  readonly happened: string;
  readonly asked: Asked;
  readonly control: Asked | undefined;
}

function keep({ fault, when, happened, asked: { requests, failed }, control }: Seen): void {
  const against = control === undefined ? {} : { control: control.failed };
  const times = fault.times ?? 1;
  const name = times === 1 ? fault.name : `${fault.name}, ${times} times`;
  keepRow({ fault: name, when, then: happened, requests, failed, ...against, end: 'all new' }, 'lab');
}

function all(seen: readonly Asked[]): Asked {
  const sum = (key: 'requests' | 'failed' | 'lost'): number =>
    seen.reduce((total, each) => total + each[key], 0);
  const errors = seen.flatMap((each) => each.errors);
  return { requests: sum('requests'), failed: sum('failed'), lost: sum('lost'), errors };
}

/** It befalls the lab alone, and then keyroll, by turns. */
async function suffer(lab: TestLab, fault: Fault): Promise<Seen> {
  const place = fault.place?.(lab);
  const when = place === undefined ? 'before it begins' : `${place.type} ${place.id.source}`;
  const controls: Asked[] = [];
  const counted: Asked[] = [];
  const happened = new Set<string>();
  for (let time = 0; time < (fault.times ?? 1); time++) {
    if (fault.harms === true) controls.push(await asked(lab, fault, () => breakAlone(lab, fault)));
    const befalls = async (): Promise<void> => void happened.add(await befallen(lab, fault, args));
    counted.push(await asked(lab, fault, befalls));
  }
  const control = fault.harms === true ? all(controls) : undefined;
  const seen = { fault, when, happened: [...happened].join('; '), asked: all(counted), control };
  tell(seen, counted, controls);
  return seen;
}

function tell({ fault, happened, asked: sum, control }: Seen, ...parts: readonly Asked[][]): void {
  const each = parts.map((runs) => runs.map(({ failed }) => failed).join(' + ')).join(' and ');
  say(
    `FAULT ${fault.name}: ${happened}; ${sum.failed} of ${sum.requests} failed` +
      (control === undefined ? '' : `, without keyroll ${control.failed} of ${control.requests} (${each})`),
  );
  for (const error of sum.errors.slice(0, 60)) say(`  ${error}`);
}

const only = new RegExp(process.env['KEYROLL_FAULTS_ONLY'] ?? '');

labSuite('lab: what may befall one rotation', () => {
  describe('one thing after another, the same command after each', () => {
    const suffered: Seen[] = [];
    let seen: Rotation | undefined;
    const of = (): Rotation => seen ?? expect.fail('there was no rotation');

    beforeAll(async () => {
      const lab = await bringUp();
      await aClockThatIsWrong(lab);
      const between = async (): Promise<void> => {
        for (const fault of faults.filter(({ name }) => only.test(name)))
          suffered.push(await suffer(lab, fault));
      };
      const wish = { title: 'faults', load: false, args: ['--no-probe'], then: 'resume' as const };
      seen = await rotateOnce(lab, { ...wish, between });
    }, 2 * 3_600_000);

    it('ends rotated', () => {
      const { code, report } = of();
      expect({ code, outcome: report.outcome, error: report.error }).toEqual({ code: 0, outcome: 'rotated' });
      for (const each of suffered) keep(each);
    });
    it('lost no acknowledged write', () => {
      expect(suffered.filter(({ asked: { lost } }) => lost > 0).map(({ fault }) => fault.name)).toEqual([]);
    });
    it('failed no more requests than the same faults without keyroll, by their factor', () => {
      const allowed = ({ fault, control }: Seen): number => (control?.failed ?? 0) * (fault.factor ?? 1);
      const worse = suffered.filter((each) => each.asked.failed > allowed(each));
      expect(
        worse.map(
          ({ fault, asked: { failed }, control }) => `${fault.name}: ${failed}, ${control?.failed ?? 0}`,
        ),
      ).toEqual([]);
    });
    it('has all nodes and pods Ready', () => waitUntilWell(of().lab, wellS), (wellS + 10) * 1000);
    itReplacedEveryCredential(of);
    itRenewedWhatTheClusterHolds(of);
    itReplacedTheFrontProxy(of);
    itReplacedTheOperatorsFiles(of);
    itLeftNothingOldInUse(of);
  });
});

/** A node's `date` says two hours more: nothing begins. */
async function aClockThatIsWrong(lab: TestLab): Promise<void> {
  const node = lab.masters[1]?.name ?? '';
  const wrapper = '/usr/local/sbin/date';
  const text = `#!/bin/sh\\nexec /bin/date -d "+2 hours" "$@"\\n`;
  await lab.onNode(node, `printf '${text}' >${wrapper}; chmod 0755 ${wrapper}`);
  try {
    const { code, stderr } = await runKeyroll(lab, args);
    say(`FAULT a clock is wrong: ended with ${code}: ${stderr.trim().split('\n').at(-1) ?? ''}`);
    expect({ code, stderr }).toMatchObject({ code: 3 });
    expect(stderr).toMatch(/clock/);
    const end = 'nothing begun';
    keepRow(
      {
        fault: 'a clock is two hours wrong',
        when: 'before it begins',
        then: 'refused',
        requests: 0,
        failed: 0,
        end,
      },
      'lab',
    );
  } finally {
    await lab.onNode(node, `rm ${wrapper}`);
  }
}
