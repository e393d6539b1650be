import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ScriptNode } from './testing/script-node.js';

// A script is some dozen processes; on a busy machine that takes its time.
vi.setConfig({ testTimeout: 120_000 });

const redirect = 'var/lib/keyroll/run/redirect';
const second = 'second-kube-apiserver-trust.yaml';
const settings = ['own=10.0.0.1', 'service=10.1.0.1', 'port=443', 'ports=443 4443'];
const rest = ['certificate=/c', 'key=/k'];

let node: ScriptNode;
beforeEach(() => {
  node = new ScriptNode();
});
afterEach(() => node.remove());

/** Each look at the clock finds it 5 s later. */
function hurry(): void {
  node.write('clock', '0');
  node.command(
    'date',
    'n=$(cat "$KEYROLL_ROOT/clock"); echo $((n + 5000)) >"$KEYROLL_ROOT/clock"; echo $((1700000000000 + n))',
  );
}

describe('a restart that did not end', () => {
  it('leaves connections where they are served until kube-apiserver is ready here', async () => {
    node.command(
      'curl',
      'case "$*" in *127.0.0.1*) [ -e "$KEYROLL_ROOT/ready" ] && echo ok ;; *10.0.0.2*) exit 7 ;; *) echo ok ;; esac',
    );
    node.command('conntrack', 'echo "$*" >>"$KEYROLL_ROOT/forgotten"');
    const forgotten = (): number => node.read('forgotten').split('\n').filter(Boolean).length;
    node.write(redirect, '10.0.0.2\n');
    const run = node.start('settle-apiserver', [...settings, 'targets=10.0.0.2 10.0.0.3', ...rest]);
    // Its target has died meanwhile.
    await vi.waitUntil(() => node.read(redirect) === '10.0.0.3\n', { timeout: 60_000 });
    // While nobody listens here, and once more when the redirect has gone.
    await vi.waitUntil(() => forgotten() >= 2, { timeout: 60_000 });
    node.write('ready', '');
    node.command(
      'conntrack',
      'echo "$*" >"$KEYROLL_ROOT/last"; cp "$KEYROLL_ROOT/rules" "$KEYROLL_ROOT/then"',
    );
    expect(await run).toMatchObject({ code: 0, out: expect.stringContaining('undrained') as string });
    expect(node.read(redirect)).toBe('');
    const rules = node.read('rules');
    expect(rules).toContain('-A KEYROLL -p tcp -j DNAT --to-destination 10.0.0.3:443\n');
    expect(rules).toContain('-D FORWARD -p tcp -d 10.0.0.2 --dport 443 -j ACCEPT\n');
    expect(rules).toContain('-D FORWARD -p tcp -d 10.0.0.3 --dport 443 -j ACCEPT\n');
    expect(rules).toContain('-D PREROUTING');
    expect(node.read('last')).toContain('--state CLOSE');
    expect(node.read('then')).toContain('-D PREROUTING');
  });

  it('tries again when the packet filter did not take the move to another master', () => {
    hurry();
    node.command(
      'curl',
      `case "$*" in *127.0.0.1*) [ -e "$KEYROLL_ROOT/moved" ] && echo ok ;; *10.0.0.2*) exit 7 ;; *) echo ok ;; esac`,
    );
    node.command(
      'iptables-restore',
      `cat >>"$KEYROLL_ROOT/rules"
[ -e "$KEYROLL_ROOT/refused" ] || { : >"$KEYROLL_ROOT/refused"; exit 4; }
: >"$KEYROLL_ROOT/moved"`,
    );
    node.write(redirect, '10.0.0.2\n');
    const { out } = node.run('settle-apiserver', [...settings, 'targets=10.0.0.2 10.0.0.3', ...rest]);
    const moves = out.match(/10\.0\.0\.2 stopped answering: new connections go to 10\.0\.0\.3/g);
    expect(moves).toHaveLength(2);
    expect(out).not.toContain('is not ready');
    expect(node.read(redirect)).toBe('');
  });

  it('takes the redirect away when no other master answers any more', () => {
    hurry();
    // Ready here only once nobody is led away: it is not the end of the wait that takes the redirect.
    node.command(
      'curl',
      `case "$*" in *127.0.0.1*) [ -e "$KEYROLL_ROOT/${redirect}" ] || echo ok ;; *) exit 7 ;; esac`,
    );
    node.write(redirect, '10.0.0.2\n');
    const { out } = node.run('settle-apiserver', [...settings, 'targets=10.0.0.2 10.0.0.3', ...rest]);
    expect(out).toContain('no other master answers: the redirect is gone');
    expect(out).not.toContain('is not ready');
    expect(node.read(redirect)).toBe('');
    expect(node.read('rules')).toContain('-D PREROUTING');
    expect(node.read('rules')).not.toContain('10.0.0.3');
  });

  it('keeps the redirect to a master that missed fewer than three looks', () => {
    hurry();
    node.command(
      'curl',
      `cd "$KEYROLL_ROOT"; looks=$(cat looks 2>/dev/null || echo 0)
case "$*" in
  *127.0.0.1*) [ "$looks" -lt 9 ] || echo ok ;;
  *10.0.0.2*) looks=$((looks + 1)); echo "$looks" >looks; [ $((looks % 3)) -ne 0 ] || echo ok ;;
  *) echo ok ;;
esac`,
    );
    node.write(redirect, '10.0.0.2\n');
    const { out } = node.run('settle-apiserver', [...settings, 'targets=10.0.0.2 10.0.0.3', ...rest]);
    expect(out).not.toMatch(/stopped answering|is not ready/);
    expect(node.read('rules')).not.toContain('10.0.0.3');
  });

  it('does not lead them away for ever', () => {
    hurry();
    node.command('curl', 'case "$*" in *127.0.0.1*) exit 7 ;; *) echo ok ;; esac');
    node.write(redirect, '10.0.0.2\n');
    const { out } = node.run('settle-apiserver', [...settings, 'targets=10.0.0.2', ...rest]);
    expect(out).toContain('is not ready 180 s after');
    expect(node.read(redirect)).toBe('');
  });

  it('of the only master leaves the second kube-apiserver, which alone serves', () => {
    hurry();
    node.command('curl', 'case "$*" in *:6444*) echo ok ;; *) exit 7 ;; esac');
    node.write(redirect, '10.0.0.1\n');
    node.write(`etc/kubernetes/manifests/${second}`, 'kube-apiserver\n--secure-port=6444\n');
    const { out } = node.run('settle-apiserver', [...settings, 'second_port=6444', ...rest]);
    expect(out).toContain('goes on serving alone');
    expect(node.manifests).toEqual([second]);
    expect(node.read(redirect)).toBe('10.0.0.1\n');
  });

  it('does not keep a machine from going down', () => {
    node.command('curl', 'exit 7');
    node.command('systemctl', '[ "$1" != is-system-running ] || echo stopping');
    node.write(redirect, '10.0.0.2\n');
    expect(node.run('settle-apiserver', [...settings, 'targets=10.0.0.2', ...rest]).code).toBe(0);
    expect(node.read(redirect)).toBe('');
  });
});

describe('a packet filter that is busy', () => {
  it('says nothing of a rule: it is asked until it answers', () => {
    node.write('var/lib/keyroll/run/hold', '');
    node.write('busy', 'xxx');
    node.command(
      'iptables',
      `echo "$*" >>"$KEYROLL_ROOT/rules"
case "$*" in
  *-D*) : >"$KEYROLL_ROOT/gone" ;;
  *-C*) [ ! -e "$KEYROLL_ROOT/gone" ] || exit 1
    left=$(cat "$KEYROLL_ROOT/busy"); [ -n "$left" ] || exit 0
    printf %s "\${left#x}" >"$KEYROLL_ROOT/busy"; exit 4 ;;
esac`,
    );
    node.run('settle-apiserver', [...settings, ...rest]);
    expect(node.read('rules')).toContain('-D INPUT');
    expect(node.read('var/lib/keyroll/run/hold')).toBe('');
  });

  it('that stays silent leaves the mark by which the rule is found again', () => {
    node.write('var/lib/keyroll/run/hold', 'x');
    node.command('iptables', 'exit 4');
    expect(node.run('settle-apiserver', [...settings, ...rest]).out).toContain('does not answer');
    expect(node.read('var/lib/keyroll/run/hold')).toBe('x');
  });
});
