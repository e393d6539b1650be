import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ScriptNode, type ScriptTalk } from './testing/script-node.js';

// A script is some dozen processes; on a busy machine that takes its time.
vi.setConfig({ testTimeout: 120_000 });

const drops = '-m comment --comment keyroll-pause -j DROP';
/** What clients ask of the API server, and what that asks of etcd for itself. */
const paused = [
  `INPUT -p tcp --dport 443 -m addrtype --dst-type LOCAL ! -d 127.0.0.0/8 ${drops}`,
  `INPUT -p tcp --dport 2379 -d 127.0.0.0/8 ${drops}`,
];
/** A packet filter that knows its rules: what is taken back must be the very rule that was added. */
const packetFilter = `[ "$1 $2" = "-w 2" ] || exit 2
verb=$3; shift 3
cd "$KEYROLL_ROOT"
case $verb in
  -I) echo "$*" >>filter ;;
  -C) grep -qxF -- "$*" filter || exit 1 ;;
  -D) grep -vxF -- "$*" filter >rest; mv rest filter ;;
esac`;
const armedAt = 1_700_000_000_000;

let node: ScriptNode;
let talk: ScriptTalk;
beforeEach(async () => {
  node = new ScriptNode();
  node.write('filter', '');
  node.write('time', String(armedAt));
  node.command('iptables', packetFilter);
  node.command('date', 'cat "$KEYROLL_ROOT/time"');
  node.command('systemd-run', `printf '%s\\n' "$@" >"$KEYROLL_ROOT/timer"`);
  talk = node.converse('pause', ['443', '2379', '3']);
  await heard('waiting');
});
afterEach(() => {
  talk.process.kill('SIGKILL');
  node.remove();
});

const heard = (word: string): Promise<unknown> =>
  vi.waitUntil(() => talk.said().includes(word), { timeout: 60_000, interval: 20 });
const rules = (): string[] => node.read('filter').split('\n').filter(Boolean);
const timer = (): string[] => node.read('timer').split('\n').filter(Boolean);

async function tell(word: string, answer: string): Promise<void> {
  talk.process.stdin.write(`${word}\n`);
  await heard(answer);
}

async function pause(): Promise<void> {
  await tell('arm', 'armed');
  await tell('pause', `paused ${node.read('time')}`);
}

describe('a pause', () => {
  it('drops what arrives from the word on, and no sooner', async () => {
    await tell('arm', 'armed');
    expect(rules()).toEqual([]);
    await tell('pause', `paused ${armedAt}`);
    expect(rules()).toEqual(paused);
  });

  it('ends when it is told, and its timer with it', async () => {
    await pause();
    await tell('resume', `resumed ${armedAt}`);
    expect(rules()).toEqual([]);
    const unit = `keyroll-pause-${talk.process.pid ?? 0}-1`;
    expect(timer()).toContain(`--unit=${unit}`);
    expect(node.read('units')).toBe(`stop ${unit}.timer\n`);
    expect(talk.said()).not.toContain('had already fired');
  });

  it('may begin again, with a timer of its own', async () => {
    await pause();
    await tell('resume', `resumed ${armedAt}`);
    talk.process.stdin.write('arm\npause\n');
    await vi.waitUntil(() => talk.said().split('paused').length === 3, { timeout: 60_000, interval: 20 });
    expect(rules()).toEqual(paused);
    expect(timer()).toContain(`--unit=keyroll-pause-${talk.process.pid ?? 0}-2`);
  });

  it('says so when its timer had fired before it was told to end', async () => {
    node.command('systemctl', 'exit 5');
    await pause();
    await tell('resume', 'resumed');
    expect(talk.said()).toContain('the timer had already fired');
  });

  it('ends when nobody speaks any more', async () => {
    await pause();
    talk.process.stdin.end();
    expect(await talk.ended).toMatchObject({ code: 0 });
    expect(rules()).toEqual([]);
  });

  it('ends by its timer, after the seconds that were given, when its process was killed', async () => {
    await pause();
    talk.process.kill('SIGKILL');
    await talk.ended;
    expect(rules()).toEqual(paused);
    expect(timer()).toContain('--on-active=3');
    expect(node.exec(timer().slice(timer().indexOf('/bin/sh')))).toMatchObject({ code: 0 });
    expect(rules()).toEqual([]);
  });

  it('is refused, and drops nothing, once its timer may have fired', async () => {
    await tell('arm', 'armed');
    node.write('time', String(armedAt + 2_500));
    talk.process.stdin.write('pause\n');
    const { code, out } = await talk.ended;
    expect(code).toBe(1);
    expect(out).toContain('it came when its time was over');
    expect(out).not.toContain('paused');
    expect(rules()).toEqual([]);
  });

  it('is granted up to that moment', async () => {
    await tell('arm', 'armed');
    node.write('time', String(armedAt + 2_499));
    await tell('pause', `paused ${armedAt + 2_499}`);
  });

  it('that no timer was started for ends at once', async () => {
    talk.process.stdin.write('pause\n');
    expect((await talk.ended).code).not.toBe(0);
    expect(rules()).toEqual([]);
  });

  it('leaves nothing behind when etcd cannot be held back', async () => {
    const refusing = 'case "$*" in *-I*2379*) echo "iptables: No chain by that name" >&2; exit 1 ;; esac';
    node.command('iptables', `${refusing}\n${packetFilter}`);
    await tell('arm', 'armed');
    talk.process.stdin.write('pause\n');
    const { code, out } = await talk.ended;
    expect(code).not.toBe(0);
    expect(out).not.toContain('paused');
    expect(rules()).toEqual([]);
  });

  it('does not begin without its timer', async () => {
    node.command('systemd-run', 'echo "Failed to start transient timer unit" >&2; exit 1');
    talk.process.stdin.write('arm\npause\n');
    const { code, out } = await talk.ended;
    expect(code).toBe(1);
    expect(out).not.toMatch(/armed|paused/);
    expect(rules()).toEqual([]);
  });
});
