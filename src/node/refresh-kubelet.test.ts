import { existsSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ScriptNode } from './testing/script-node.js';

// A script is some dozen processes; on a busy machine that takes its time.
vi.setConfig({ testTimeout: 120_000 });

const pki = 'var/lib/kubelet/pki';
const dog = 'kubelet-monitor';

/**
 * Waits, a second at most, for what the other script would do if nothing held it back; then goes on.
 * Called as `meet MINE THEIRS`: says MINE, waits for THEIRS.
 */
const meet = `meet() {
  : >"$KEYROLL_ROOT/met-$1"; round=0
  while [ ! -e "$KEYROLL_ROOT/met-$2" ] && [ $round -lt 50 ]; do /bin/sleep 0.02; round=$((round + 1)); done
}`;

/** Units are active while a file of their name is there. kubelet gets a certificate of the new CA when it restarts. */
const systemctl = `${meet}
cd "$KEYROLL_ROOT/units"
case "$1 $2" in
  'is-active -q') [ ! -e ../met-restarting ] || meet looking started; [ -e "$3" ] ;;
  'stop ${dog}') [ ! -e ../met-started ] || : >../met-stopped; rm "$2" ;;
  'start ${dog}') : >"$2"; meet started stopped ;;
  'restart kubelet') meet restarting looking; echo again >>restarts; cp next pid; echo new >../${pki}/kubelet-client-current.pem ;;
  'show -p') cat pid ;;
  *) exit 1 ;;
esac`;

let node: ScriptNode;
beforeEach(() => {
  node = new ScriptNode();
  node.write(`${pki}/kubelet-client-current.pem`, 'old\n');
  node.write('units/pid', '1\n');
  // A process that runs, and was started at some time.
  node.write('units/next', `${process.pid}\n`);
  node.write(`units/${dog}`, '');
  node.command('systemctl', systemctl);
  node.command('curl', 'echo ok');
  node.command('openssl', 'for last do :; done; grep -q new "$last"');
});
afterEach(() => node.remove());

const refresh = (): ReturnType<ScriptNode['start']> =>
  node.start('refresh-kubelet', ['r', 'new', '/ca.crt', dog]);

describe('refresh-kubelet.sh', () => {
  it('has the watchdog run again when a dead run had left one at work', async () => {
    const first = refresh();
    await vi.waitUntil(() => existsSync(node.at('met-restarting')), { timeout: 60_000 });
    const ends = await Promise.all([first, refresh()]);
    expect(ends).toEqual([
      { code: 0, out: expect.stringMatching(/^kubelet restarted\nsince \d+\n$/) as unknown },
      { code: 0, out: expect.stringMatching(/^already there\nsince \d+\n$/) as unknown },
    ]);
    expect(existsSync(node.at(`units/${dog}`))).toBe(true);
    expect(node.read('units/restarts')).toBe('again\n');
  });
});
