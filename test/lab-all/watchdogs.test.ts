import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { Report } from '../../src/report/report.js';
import { failuresIn } from '../../src/report/report.js';
import { labSuite } from '../lab/lab-suite.js';
import { childCommand } from '../lab/run/child.js';
import { killsSince, readNodes } from '../lab/run/node-state.js';
import { say } from '../lab/say.js';
import { bringUp } from '../lab/test-lab.js';

labSuite('lab: watchdogs left running on purpose', () => {
  it('shows what they would have done to a rotation', { timeout: 1_800_000 }, async () => {
    const lab = await bringUp();
    const begun = Date.now();
    const args = [join(lab.clusterDir, 'apimodel.json'), lab.plan.fqdn, lab.sshKey];
    const { code, stdout, stderr } = await lab.exec(childCommand('watchdogs-main', args), {
      timeoutMs: 1_500_000,
    });
    if (code !== 0) throw new Error(`watchdogs-main: ended with ${code}: ${stderr.slice(-2000)}`);
    const report = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Report;
    const kills = await killsSince(lab, begun);
    const restarts = [...(await readNodes(lab))].flatMap(([node, { units }]) =>
      [...units]
        .filter(([, unit]) => unit.restarts > 0)
        .map(([unit, state]) => `${node} ${unit}: ${state.restarts}`),
    );
    say(
      `${report.outcome} after ${report.seconds} s; ${failuresIn(report.probe)} requests failed; ${report.error ?? ''}`,
    );
    say(`watchdogs killed ${kills.length} time(s): ${kills.join('; ') || 'nothing'}`);
    say(`started again by systemd: ${restarts.join('; ') || 'nothing'}`);
    expect(report.rotation).not.toBe('');
  });
});
