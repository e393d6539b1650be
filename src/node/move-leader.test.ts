import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { ScriptNode, type ScriptTalk } from './testing/script-node.js';

vi.setConfig({ testTimeout: 120_000 });

const own = 'https://10.0.0.1:2379';
const all = [own, 'https://10.0.0.2:2379', 'https://10.0.0.3:2379'];

let node: ScriptNode;
let talk: ScriptTalk;
beforeEach(() => {
  node = new ScriptNode();
  node.write('asked', '');
});
afterEach(() => {
  talk.process.kill('SIGKILL');
  node.remove();
});

/** The conversation to its end, with an etcdctl that notes what it is asked, then does `what`. */
async function moved(what: string): Promise<{ code: number | null; out: string }> {
  const note = `for arg in "$@"; do case $arg in --endpoints=*) at=\${arg#*=} ;; esac; done
case "$*" in *move-leader*) echo "move $at" ;; *'alarm list') echo "propose $at" ;; esac >>"$KEYROLL_ROOT/asked"`;
  node.command('etcdctl', `${note}\n${what}`);
  talk = node.converse('move-leader', ['/ca', '/certificate', '/key', 'beef', own, ...all]);
  talk.process.stdin.write('move\n');
  return talk.ended;
}
const asked = (): string[] => node.read('asked').split('\n').filter(Boolean);

it('moves leadership, then has every member carry a proposal through', async () => {
  const { code, out } = await moved('exit 0');
  expect({ code, out: out.replace(/\d+/g, 'N') }).toEqual({ code: 0, out: 'waiting\nmoved N N settled\n' });
  expect(asked()[0]).toBe(`move ${own}`);
  expect(asked().slice(1).sort()).toEqual(all.map((endpoint) => `propose ${endpoint}`));
});

it('asks a member once more that lost its first proposal', async () => {
  const { out } = await moved(
    `[ "$at" = ${all[1]} ] && [ ! -e "$KEYROLL_ROOT/lost" ] && touch "$KEYROLL_ROOT/lost" && exit 1; exit 0`,
  );
  expect(out).toContain(' settled');
  expect(asked().filter((line) => line === `propose ${all[1]}`)).toHaveLength(2);
});

it('says that a member was not that far', async () => {
  const { code, out } = await moved(`case "$*" in *10.0.0.3*alarm*) exit 1 ;; esac`);
  expect(code).toBe(0);
  expect(out).toContain(' unsettled');
});

it('does not wait longer than its pause may last for a member that says nothing', async () => {
  const begun = Date.now();
  const { code, out } = await moved(`case "$*" in *10.0.0.3*alarm*) exec /bin/sleep 60 ;; esac`);
  expect({ code, unsettled: out.includes(' unsettled') }).toEqual({ code: 0, unsettled: true });
  expect(Date.now() - begun).toBeLessThan(30_000);
});

it('has not moved where the leader does not hand over', async () => {
  const { code, out } = await moved('exit 1');
  expect(code).toBe(1);
  expect(out).not.toContain('moved');
  expect(asked()).toEqual([`move ${own}`]);
});
