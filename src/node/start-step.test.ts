import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ScriptNode } from './testing/script-node.js';

let node: ScriptNode;
beforeEach(() => {
  node = new ScriptNode();
});
afterEach(() => node.remove());

const folder = 'var/lib/keyroll/steps/s';
/** Runs the unit's main process and then what it has for its end, as `--wait` would have it. */
const unit = `echo "$*" >>"$KEYROLL_ROOT/started"
while :; do
  case $1 in
    --property=ExecStopPost=*) post=\${1#--property=ExecStopPost=} ;;
    -*) ;;
    *) break ;;
  esac
  shift
done
[ -n "$skip" ] || "$@"
$post`;
const whole = `skip=; ${unit}`;
const starts = (): number => node.read('started').split('\n').filter(Boolean).length;

describe('start-step.sh', () => {
  it('runs a script in a unit, tells its log and its end, and does not run it again once it ended well', () => {
    node.command('systemd-run', whole);
    const first = node.run('start-step', ['s', 'clock']);
    expect(first).toEqual({ code: 0, out: expect.stringMatching(/^\d{10}\n$/) as string });
    expect(node.run('start-step', ['s', 'clock'])).toEqual(first);
    expect(starts()).toBe(1);
    expect(node.read('var/log/azure/rotate-certs.log')).toMatch(
      /Z end-step\.sh: s: \d{10}\n\S+ end-step\.sh: s: ended with 0\n$/,
    );
  });

  it('tells why a script failed, and runs it again when asked again', () => {
    node.command('systemd-run', whole);
    for (const time of [1, 2]) {
      const { code, out } = node.run('start-step', ['s', 'keep-state']);
      expect([code, starts()]).toEqual([1, time]);
      expect(out).toContain('is not known');
    }
  });

  it('starts a unit where nobody can tell of its end', () => {
    node.command('systemd-run', `case "$*" in *--wait*) echo 'no bus' >&2; exit 1 ;; esac; ${whole}`);
    expect(node.run('start-step', ['s', 'clock']).code).toBe(0);
    expect(starts()).toBe(1);
  });

  it('looks for the end of a unit that goes on when systemd-run has lost it', () => {
    const active = `[ -e "$KEYROLL_ROOT/started" ] && [ ! -e "$KEYROLL_ROOT/${folder}/result" ]`;
    node.command('systemctl', `if ${active}; then echo active; else echo inactive; exit 3; fi`);
    const late = unit.replace('[ -n "$skip" ]', '/bin/sleep 0.5; [ -n "$skip" ]');
    node.command(
      'systemd-run',
      `(skip=; ${late}) >"$KEYROLL_ROOT/unit.log" 2>&1 &
until [ -e "$KEYROLL_ROOT/started" ]; do :; done
exit 1`,
    );
    expect(node.run('start-step', ['s', 'clock']).code).toBe(0);
    expect(starts()).toBe(1);
  });

  it('does not wait for what could not be started', () => {
    node.command('systemd-run', 'exit 1');
    const { code, out } = node.run('start-step', ['s', 'clock']);
    expect([code, out]).toEqual([1, 'step s could not be started by systemd\n']);
  });

  it('does not wait for a result that could not be written for want of room, and shows the log', () => {
    const step = `"$KEYROLL_ROOT/${folder}"`;
    node.command('systemd-run', `echo 'write error' >${step}/log; : >${step}/script; : >${step}/result`);
    const { code, out } = node.run('start-step', ['s', 'clock']);
    expect([code, out]).toEqual([1, 'write error\nwrite error;\n']);
  });

  it('has a result when the main process was killed before it began', () => {
    node.command('systemd-run', `skip=yes; ${unit}; exit 1`);
    const { code, out } = node.run('start-step', ['s', 'restart-apiserver']);
    expect(code).toBe(137);
    expect(out).toContain("the step's process was killed before it began");
    expect(starts()).toBe(1);
  });
});
