import { beforeAll, describe, expect, it } from 'vitest';
import { keepRow } from '../hollow-all/fault-rows.js';
import { all, asked, wellS, type Asked } from './asked.js';
import { itRenewedWhatTheClusterHolds, itReplacedTheFrontProxy } from '../lab/assertions/cluster.js';
import { itReplacedEveryCredential } from '../lab/assertions/credentials.js';
import { itToldWhatStaysBehind } from '../lab/assertions/left.js';
import { waitUntilWell } from '../lab/assertions/nodes.js';
import { itLeftNothingOldInUse, itReplacedTheOperatorsFiles } from '../lab/assertions/operator.js';
import { labSuite } from '../lab/lab-suite.js';
import { befallen, breakAlone } from '../lab/run/befall.js';
import { faults, type Fault } from '../lab/run/faults.js';
import { runKeyroll } from '../lab/run/keyroll.js';
import { rotateOnce, type Rotation } from '../lab/run/rotation.js';
import { say } from '../lab/say.js';
import { bringUp, type TestLab } from '../lab/test-lab.js';

const args = ['rotate-certs', '--no-probe'];
interface Seen {
  readonly fault: Fault;
  readonly when: string;
  /** Each time. */
  readonly happened: readonly string[];
  readonly asked: Asked;
  readonly control: Asked | undefined;
}

function keep({ fault, when, happened, asked: { requests, failed, taken }, control }: Seen): void {
  const against = control === undefined ? {} : { control: control.failed };
  const times = fault.times ?? 1;
  const name = times === 1 ? fault.name : `${fault.name}, ${times} times`;
  keepRow(
    {
      fault: name,
      when,
      then: inWords(happened) + ofThese(taken, control),
      requests,
      failed,
      ...against,
      end: 'all new',
    },
    'lab',
  );
}

function ofThese(taken: number, control: Asked | undefined): string {
  const without = control?.taken ?? 0;
  return taken + without === 0 ? '' : ` (by a way that is not there failed ${taken} and ${without})`;
}

function inWords(happened: readonly string[]): string {
  return [...new Set(happened)].join('; ');
}

/** It befalls the lab alone, and then keyroll, by turns. */
async function suffer(lab: TestLab, fault: Fault): Promise<Seen> {
  const place = fault.place?.(lab);
  const when = place === undefined ? 'before it begins' : `${place.type} ${place.id.source}`;
  const controls: Asked[] = [];
  const counted: Asked[] = [];
  const happened: string[] = [];
  for (let time = 0; time < (fault.times ?? 1); time++) {
    if (fault.harms === true) controls.push(await asked(lab, fault, () => breakAlone(lab, fault)));
    const befalls = async (): Promise<void> => void happened.push(await befallen(lab, fault, args));
    counted.push(await asked(lab, fault, befalls));
  }
  const control = fault.harms === true ? all(controls) : undefined;
  const seen = { fault, when, happened, asked: all(counted), control };
  tell(seen, counted, controls);
  return seen;
}

function tell({ fault, happened, asked: sum, control }: Seen, ...parts: readonly Asked[][]): void {
  const each = parts.map((runs) => runs.map(({ failed }) => failed).join(' + ')).join(' and ');
  say(
    `FAULT ${fault.name}: ${inWords(happened)}; ${sum.failed} of ${sum.requests} failed` +
      (control === undefined ? '' : `, without keyroll ${control.failed} of ${control.requests} (${each})`),
  );
  if (sum.taken > 0 || (control?.taken ?? 0) > 0)
    say(`  of these by a way that is not there: ${sum.taken}, without keyroll ${control?.taken ?? 0}`);
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
    it('had each of them happen to it', () => {
      const none = suffered.filter(({ fault, happened }) => !happened.every((how) => fault.ends.test(how)));
      expect(none.map(({ fault, happened }) => `${fault.name}: ${inWords(happened)}`)).toEqual([]);
    });
    it('lost no acknowledged write', () => {
      expect(suffered.filter(({ asked: { lost } }) => lost > 0).map(({ fault }) => fault.name)).toEqual([]);
    });
    it('failed no more requests than the same faults without keyroll', () => {
      const own = (sum: Asked | undefined): number => (sum === undefined ? 0 : sum.failed - sum.taken);
      const worse = suffered.filter(({ asked: seen, control }) => own(seen) > own(control));
      expect(
        worse.map(({ fault, asked: seen, control }) => `${fault.name}: ${own(seen)}, ${own(control)}`),
      ).toEqual([]);
    });
    it('has all nodes and pods Ready', () => waitUntilWell(of().lab, wellS), (wellS + 10) * 1000);
    itReplacedEveryCredential(of);
    itRenewedWhatTheClusterHolds(of);
    itReplacedTheFrontProxy(of);
    itReplacedTheOperatorsFiles(of);
    itLeftNothingOldInUse(of);
    itToldWhatStaysBehind(of);
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
