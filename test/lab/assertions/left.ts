import { expect, it } from 'vitest';
import type { Rotation } from '../run/rotation.js';
import { say } from '../say.js';

/** Prints `open PATH` for what others than root can reach below a path, `empty PATH` for a key or a snapshot without content. */
const look = `set -eu
[ -e "$1" ] || { echo "missing $1"; exit 0; }
find "$1" -type f \\( -name '*.key' -o -name '*.crt' -o -name '*.db' \\) -size 0 -exec echo empty {} \\;
parent=$(dirname "$1")
[ "$(stat -c %a "$parent")" = 700 ] || find "$1" -perm /077 -exec echo open {} \\;
find "$1" -type f \\( -name '*.key' -o -name '*.db' \\) ! -perm 600 -exec echo open {} \\;`;

/** What must lie on the masters before anything changes. The command that is looked at is the one that began. */
export function itKeptSnapshotsAndKeysFirst(of: () => Rotation): void {
  it('had snapshots of etcd and all keys on every master before the first change of trust', () => {
    const { lab, journal, stdout } = of();
    const at = (type: string, id: RegExp): number =>
      journal.findIndex((record) => record.type === type && id.test(record.id));
    const first = at('intent', /^trust\//);
    for (const { name } of lab.masters) {
      for (const id of [`^prepare/${name}$`, `^prepare/keys/${name}$`]) {
        expect(at('done', new RegExp(id)), id).toBeGreaterThanOrEqual(0);
        expect(at('done', new RegExp(id)), id).toBeLessThan(first);
      }
      expect(stdout).toMatch(
        new RegExp(`node ${name}: snapshot of its etcd member: /var/lib/keyroll/etcd-snapshots/.*\\.db`),
      );
    }
  });
}

/** What is left for `keyroll clean`. */
export function itToldWhatStaysBehind(of: () => Rotation): void {
  it('reports every place that holds keys or snapshots, each there and for root alone', async () => {
    const { lab, report } = of();
    const onNodes = report.places.filter(({ where }) => where !== 'this machine');
    expect(new Set(onNodes.map(({ where }) => where))).toEqual(new Set(lab.nodes.map(({ name }) => name)));
    // Replaced files on each node; all keys and a snapshot on each master.
    expect(onNodes).toHaveLength(lab.nodes.length + 2 * lab.masters.length);
    for (const { where, path, what } of onNodes)
      expect(await lab.onNode(where, `set -- '${path}'; ${look}`), `${where} ${path} (${what})`).toBe('');
    say(`${onNodes.length} places on nodes hold keys or snapshots`);
  });
}
