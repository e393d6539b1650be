import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import type { Report } from '../report/report.js';
import { clusterFlags, readClusterFlags } from './cluster-flags.js';
import { repairCommand } from './after-rotation.js';
import { duration } from './flags.js';
import { goOnLines } from './go-on.js';
import { rotateCertsCommand } from './rotate-certs.js';

const reached = ['--api-model', '/a/model.json', '--ssh-host', 'h', '--linux-ssh-private-key', '/a b/key'];
const shown = "--api-model /a/model.json --ssh-host h --linux-ssh-private-key '/a b/key'";

/** The command as a command line leaves it; nothing is done. */
function given(command: Command, args: readonly string[]): Command {
  return command.action(() => undefined).parse([...args], { from: 'user' });
}

function linesAfter(args: readonly string[], report: Partial<Report>): string[] {
  const all = { outcome: 'failed', canGoBack: true, ...report } as Report;
  return goOnLines(given(rotateCertsCommand(), [...reached, ...args]), all);
}

describe('what goes on after a run that did not end what it began', () => {
  it('is named with the flags that were given, as they can be given again', () => {
    const args = ['--leave-node', 'a,b', '--no-probe', '--wait-workloads', '90s', '--reboot', '--yes'];
    expect(linesAfter([...args, '--pause-after', 'trust'], { outcome: 'paused' })).toEqual([
      `to go on: keyroll resume ${shown} --wait-workloads 90s --leave-node a --leave-node b --reboot --no-probe`,
      `to go back: keyroll rollback ${shown} --wait-workloads 90s --leave-node a --leave-node b --no-probe`,
    ]);
    expect(duration('90s')).toBe(90_000);
  });

  it('accepts the same gates on both ways', () => {
    expect(linesAfter(['--skip-gate', 'single-master-gap'], {})).toEqual([
      `to go on: keyroll resume ${shown} --skip-gate single-master-gap`,
      `to go back: keyroll rollback ${shown} --skip-gate single-master-gap`,
    ]);
  });

  it('names no secret', () => {
    const [line = ''] = linesAfter(['--client-secret', 'hunter2', '--client-id', 'id'], {});
    expect(line).toContain('--client-id id');
    expect(line).not.toContain('hunter2');
    expect(line).not.toContain('--client-secret');
  });

  it('is not the way back where there is none, and nothing where all has ended', () => {
    expect(linesAfter([], { canGoBack: false })).toEqual([`to go on: keyroll resume ${shown}`]);
    expect(linesAfter([], { outcome: 'rotated' })).toEqual([]);
    expect(linesAfter([], { outcome: 'rolled-back' })).toEqual([]);
  });
});

describe('words that belong to no flag', () => {
  it('are named, but not those that the command asks for', () => {
    const command = given(repairCommand(), ['node-1', ...reached, 'more']);
    expect(readClusterFlags(command, {}).warnings).toEqual(['not understood, and left out: more']);
    const plain = new Command('x').allowExcessArguments(true);
    for (const flag of clusterFlags()) plain.addOption(flag);
    expect(readClusterFlags(given(plain, [...reached, 'word']), {}).warnings).toEqual([
      'not understood, and left out: word',
    ]);
  });
});
