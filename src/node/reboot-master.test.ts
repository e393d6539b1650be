import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const script = (name: string): string => fileURLToPath(new URL(`./${name}.sh`, import.meta.url));
const probe = '168.63.129.16';
const settings = [
  ...['own=10.0.0.5', 'service=10.1.0.1', 'port=443', 'ports=443 4443', 'targets=10.0.0.6 10.0.0.7'],
  ...['old=kube-apiserver.yaml', 'new=kube-apiserver-trust.yaml', 'arguments=--a=1\n--b=2'],
  ...['watchdogs=apiserver-monitor', 'etcd=yes', 'endpoints=https://10.0.0.6:2379 https://10.0.0.7:2379'],
  ...['certificate=/client.crt', 'key=/client.key', 'ca=/ca.crt'],
  ...['etcd_certificate=/etcd.crt', 'etcd_key=/etcd.key', 'rotation=r', `probe=${probe}`],
];

let root: string;
const at = (path: string): string => join(root, path);
const state = (path: string): string => at(join('var/lib/keyroll', path));
const step = (path = ''): string => state(join('steps/r-m0', path));
const manifests = (): string[] => readdirSync(at('etc/kubernetes/manifests')).sort();

/** What was done to the packet filter and to units, in order, and when manifests changed in between. */
const done = (): string[] =>
  readFileSync(at('done'), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !/ -[CnL]|is-active/.test(line));

/** Commands of a node: each writes down how it was called; these answer as a healthy cluster does. */
const commands: Readonly<Record<string, string>> = {
  curl: 'case "$*" in */endpoints/*) cat "$KEYROLL_ROOT/endpoints" ;; *10.0.0.6*|*127.0.0.1*) printf ok ;; *) exit 7 ;; esac',
  iptables: `echo "iptables $*" >>"$KEYROLL_ROOT/done"
case "$*" in
  *-nvxL\\ INPUT*) echo "$(cat "$KEYROLL_ROOT/refused") 180 REJECT tcp -- * * ${probe} 0.0.0.0/0" ;;
  *-nvxL*) echo "9 540 KEYROLL tcp -- !lo * 0.0.0.0/0 0.0.0.0/0 ADDRTYPE match dst-type LOCAL" ;;
  *-C*) grep -q "$(printf '%s' "$*" | sed 's/.*-s/-s/')" "$KEYROLL_ROOT/rules" 2>/dev/null || exit 1 ;;
esac`,
  'iptables-restore':
    'grep -q -e "-D PREROUTING" && echo redirect-off >>"$KEYROLL_ROOT/done" || echo redirect-on >>"$KEYROLL_ROOT/done"',
  etcdctl:
    'case "$*" in *status*) echo "https://127.0.0.1:2379, id, 3.3.25, 20 MB, $(cat "$KEYROLL_ROOT/leads"), 2, 99" ;; *10.0.0.7*) exit "$(cat "$KEYROLL_ROOT/unhealthy")" ;; esac',
  systemctl:
    'echo "systemctl $*" >>"$KEYROLL_ROOT/done"; case "$*" in is-system-running) cat "$KEYROLL_ROOT/system" ;; esac',
  pgrep: 'if [ -e "$KEYROLL_ROOT/proc/77/cmdline" ]; then echo 77; else exit 1; fi',
  // Nobody waits: time passes by the looks that are taken, and the reboot is called off at once.
  sleep:
    'n=$(cat "$KEYROLL_ROOT/refused"); echo $((n + 1)) >"$KEYROLL_ROOT/refused"; [ ! -e "$KEYROLL_ROOT/var/lib/keyroll/steps/r-m0/parted" ] || : >"$KEYROLL_ROOT/var/lib/keyroll/steps/r-m0/cancel"',
  date: 'n=$(cat "$KEYROLL_ROOT/clock"); echo $((n + 5000)) >"$KEYROLL_ROOT/clock"; echo $((1700000000000 + n))',
  sync: ':',
};

function run(
  name: string,
  args: readonly string[],
): { status: number | null; stdout: string; stderr: string } {
  const PATH = `${at('commands')}${delimiter}${process.env['PATH'] ?? ''}`;
  const { status, stdout, stderr } = spawnSync('/bin/sh', [script(name), ...args], {
    encoding: 'utf8',
    env: { ...process.env, KEYROLL_ROOT: root, PATH },
    timeout: 50_000,
  });
  return { status, stdout, stderr };
}

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'keyroll-reboot-'));
  const folders = ['commands', 'etc/kubernetes/manifests', 'etc/systemd/system', 'proc/sys/kernel/random'];
  for (const folder of [...folders, 'var/lib/keyroll/steps/r-m0']) mkdirSync(at(folder), { recursive: true });
  for (const [name, text] of Object.entries(commands))
    writeFileSync(at(`commands/${name}`), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  const files = { refused: '0', clock: '0', leads: 'false', unhealthy: '0', system: 'running', done: '' };
  for (const [name, text] of Object.entries(files)) writeFileSync(at(name), text);
  writeFileSync(at('endpoints'), '{"kind": "Endpoints", "subsets": [{"addresses": [{"ip": "10.0.0.6"}]}]}');
  writeFileSync(at('proc/sys/kernel/random/boot_id'), 'boot-1\n');
  writeFileSync(at('etc/kubernetes/manifests/kube-apiserver.yaml'), 'old');
  writeFileSync(step('manifest'), 'new');
  writeFileSync(step('files'), '/etc/kubernetes/leaf.crt 644 root:root leaf\n');
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const leave = () => run('reboot-master', [step(), ...settings]);

describe('a master that is about to be rebooted', () => {
  it('is redirected first, refuses the probe alone, and lets its files change with kubelet stopped', () => {
    const { stdout, stderr } = leave();
    expect(stderr).toBe('the reboot was called off\n');
    expect(stdout.match(/^\d{13} (.*)$/gm)?.map((line) => line.slice(14))).toEqual([
      ...['redirect to 10.0.0.6', 'hold', 'sigterm', 'stopped', 'the balancer was refused', 'no endpoint'],
      ...['quiet', 'parted'],
    ]);
    const order = done().map((line) => line.replace(/^iptables -w 5 /, ''));
    const find = (text: string): number => {
      const index = order.findIndex((line) => line.includes(text));
      expect(index, text).toBeGreaterThanOrEqual(0);
      return index;
    };
    const places = [
      ...['stop apiserver-monitor', 'redirect-on', `-t nat -I PREROUTING 1 -p tcp -s ${probe}`],
      ...[
        `-I INPUT 1 -p tcp -s ${probe}`,
        '-I INPUT -p tcp --dport 443',
        'stop kubelet',
        'enable -q keyroll-return',
      ],
      ...[
        '-I FORWARD 1 -p tcp -d 10.0.0.6 --dport 443 -m conntrack --ctstate DNAT --ctorigdst 10.0.0.5 -j DROP',
        '-j REJECT --reject-with tcp-reset',
      ],
    ].map(find);
    expect(places.slice(0, -1)).toEqual([...places.slice(0, -1)].sort((a, b) => a - b));
    expect(manifests()).toEqual(['kube-apiserver-trust.yaml']);
    expect(readFileSync(at('etc/kubernetes/leaf.crt'), 'utf8')).toBe('leaf');
    expect(readFileSync(step('parted'), 'utf8')).toBe('boot-1\n');
    expect(readFileSync(step('target'), 'utf8')).toBe('10.0.0.6\n');
  });

  it('stays in service when its etcd member leads, or another one is not healthy', () => {
    writeFileSync(at('leads'), 'true');
    expect(leave()).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('its member here leads') as string,
    });
    writeFileSync(at('leads'), 'false');
    writeFileSync(at('unhealthy'), '1');
    expect(leave().stderr).toContain('https://10.0.0.7:2379 is not healthy; a reboot would cost the quorum');
    expect(done()).toEqual([]);
    expect(manifests()).toEqual(['kube-apiserver.yaml']);
  });

  it('gets its old manifest back when the balancer was not seen to be refused, and the error names the setting', () => {
    writeFileSync(at('commands/sleep'), '#!/bin/sh\n', { mode: 0o755 });
    const { status, stderr } = leave();
    expect(status).toBe(1);
    expect(stderr).toContain(
      `refused 0 times in 120 s, expected 3; see that it comes from ${probe} (--balancer-probe)`,
    );
    expect(manifests()).toEqual(['kube-apiserver.yaml']);
    expect(existsSync(step('parted'))).toBe(false);
  });

  it('waits until the Service names it no more', () => {
    writeFileSync(
      at('endpoints'),
      '{"kind": "Endpoints", "subsets": [{"addresses": [{ "ip": "10.0.0.5" }]}]}',
    );
    expect(leave().stderr).toContain('the Service kubernetes still names 10.0.0.5 120 s after');
  });
});

describe('a reboot that did not come', () => {
  it('ends with kubelet running, nothing closed, and nothing to do at the next boot', () => {
    leave();
    writeFileSync(at('done'), '');
    expect(run('settle-reboot', [step()]).status).toBe(0);
    const order = done();
    expect(order).toContain('systemctl disable -q keyroll-return.service');
    expect(order.indexOf('systemctl start kubelet')).toBeLessThan(order.indexOf('redirect-off'));
    expect(existsSync(at('etc/systemd/system/keyroll-return.service'))).toBe(false);
    expect(readdirSync(state('run')).filter((name) => name !== 'watchdogs')).toEqual([]);
    expect(run('reboot-status', ['r-m0']).stdout).toBe('waiting boot-1\n');
    writeFileSync(step('result'), '1');
    expect(run('reboot-status', ['r-m0']).stdout).toBe('failed\n');
  });

  it('opens nothing while the machine goes down, and is no failure then', () => {
    leave();
    writeFileSync(at('done'), '');
    writeFileSync(at('system'), 'stopping');
    writeFileSync(step('result'), '137');
    run('settle-reboot', [step()]);
    expect(done()).toEqual(['systemctl is-system-running']);
    expect(run('reboot-status', ['r-m0']).stdout).toBe('waiting boot-1\n');
  });
});

describe('a master after its boot', () => {
  beforeEach(() => {
    leave();
    writeFileSync(at('done'), '');
    writeFileSync(step('result'), '137');
    writeFileSync(at('proc/sys/kernel/random/boot_id'), 'boot-2\n');
    rmSync(state('run'), { recursive: true });
  });

  it('is closed before kubelet starts, and opened the other way round when it serves', () => {
    expect(readFileSync(at('etc/systemd/system/keyroll-return.service'), 'utf8')).toContain(
      'Before=kubelet.service',
    );
    expect(run('return-master', ['close', step()]).status).toBe(0);
    expect(done()[0]).toBe('redirect-on');
    expect(run('reboot-status', ['r-m0']).stdout).toBe('waiting boot-2\n');
    mkdirSync(at('proc/77'), { recursive: true });
    writeFileSync(at('proc/77/cmdline'), 'kube-apiserver\0--a=1\0--b=2\0');
    writeFileSync(at('done'), '');
    expect(run('return-master', ['open', step()]).status).toBe(0);
    expect(done()[0]).toBe('redirect-off');
    expect(run('return-master', ['settle', step()]).status).toBe(0);
    expect(run('reboot-status', ['r-m0']).stdout).toBe('returned 0\n');
    expect(
      run('start-reboot', ['r-m0', ...settings])
        .stdout.split('\n')
        .at(-2),
    ).toBe('returned');
    expect(existsSync(state('run/probe-refused'))).toBe(false);
  });

  it('says so when another kube-apiserver than the wanted one came', () => {
    mkdirSync(at('proc/77'), { recursive: true });
    writeFileSync(at('proc/77/cmdline'), 'kube-apiserver\0--a=1\0');
    run('return-master', ['close', step()]);
    expect(run('return-master', ['open', step()]).status).toBe(1);
    run('return-master', ['settle', step()]);
    expect(run('reboot-status', ['r-m0']).stdout).toBe('returned 1\n');
    expect(readFileSync(step('log'), 'utf8')).toContain('does not serve as it should 600 s after the boot');
  });
});
