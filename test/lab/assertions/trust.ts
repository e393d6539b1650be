import { expect, it } from 'vitest';
import { readServers, sortedName, subjectOf, type LabState } from '../run/cluster-state.js';
import type { Rotation } from '../run/rotation.js';
import { say } from '../say.js';

const ca = '/etc/kubernetes/certs/ca.crt';
const proxyCa = '/etc/kubernetes/certs/proxy-ca.crt';

/** The subjects of both CAs as the first master holds them. */
function authorities(state: LabState): { cluster: string; proxy: string } {
  const all = [...state.nodes.values()].find(({ certificates }) => certificates.has(proxyCa))?.certificates;
  return { cluster: subjectOf(all?.get(ca) ?? ''), proxy: subjectOf(all?.get(proxyCa) ?? '') };
}

/** What the running servers named before, between and after the phases. */
export function itMovedTrustInOrder(of: () => Rotation): void {
  const named = (at: string, server: RegExp): Set<string>[] =>
    of()
      .report.observed.filter((each) => each.at === at)
      .flatMap(({ servers }) => servers.filter((each) => server.test(each.server)))
      .map(({ names }) => new Set(names.map(sortedName)));

  it('reports that kube-apiserver named the old CAs, then both, then the new ones', () => {
    const [old, now] = [authorities(of().before), authorities(of().after)];
    const all = { start: [old.cluster, old.proxy], both: [old.cluster, old.proxy, now.cluster, now.proxy] };
    const expected = { start: all.start, trust: all.both, present: all.both, refresh: all.both };
    for (const [at, names] of Object.entries(expected)) {
      const seen = named(at, /^kube-apiserver$/);
      expect(seen.length, at).toBe(3);
      for (const set of seen) expect(set, at).toEqual(new Set(names));
    }
    for (const set of named('distrust', /^kube-apiserver$/))
      expect(set).toEqual(new Set([now.cluster, now.proxy]));
  });

  it('reports that etcd named the old CA until distrust, and kubelets until refresh', () => {
    const [old, now] = [authorities(of().before).cluster, authorities(of().after).cluster];
    for (const at of ['start', 'trust', 'present']) {
      const seen = [...named(at, /^etcd/), ...named(at, /^kubelet$/)];
      expect(seen.length, at).toBeGreaterThanOrEqual(9);
      for (const set of seen) expect(set, at).toEqual(new Set([old]));
    }
    const after = [...named('refresh', /^kubelet$/), ...named('distrust', /^(etcd|kubelet)/)];
    expect(after.length).toBe(5 + 11);
    for (const set of after) expect(set).toEqual(new Set([now]));
  });

  it('leaves no server that names an old CA, by our own handshakes', async () => {
    const { lab, before, after } = of();
    const old = authorities(before);
    const now = authorities(after);
    const servers = await readServers(lab);
    expect(servers).toHaveLength(14);
    for (const { server, names } of servers) {
      expect(names, server).toContain(now.cluster);
      expect(names, server).not.toContain(old.cluster);
      expect(names, server).not.toContain(old.proxy);
    }
    say(`${servers.length} servers name ${now.cluster} or ${now.proxy}`);
  });
}

interface Move {
  readonly from?: string;
  readonly to?: string;
  readonly pauses?: readonly { node: string; begun: number; ended: number }[];
  readonly move?: { begun: number; ended: number };
  readonly settled?: boolean;
}

/** etcd's leadership moved only where no request could meet it. */
export function itMovedLeadershipBehindPauses(of: () => Rotation): void {
  const moves = (): Move[] =>
    of()
      .journal.filter(({ type, id }) => type === 'fact' && id.startsWith('leadership/'))
      .map(({ details }) => details as Move);

  it('moved leadership only inside pauses on all masters', () => {
    // At least once: whoever leads at first is restarted as well.
    expect(moves().length).toBeGreaterThan(0);
    // A machine that is busy at that moment may not be that far in time; not always, though.
    expect(moves().map(({ settled }) => settled)).toContain(true);
    for (const { from, to, pauses = [], move, settled } of moves()) {
      const longest = Math.max(...pauses.map(({ begun, ended }) => ended - begun));
      say(
        `leadership from ${from} to ${to} in ${(move?.ended ?? 0) - (move?.begun ?? 0)} ms, inside pauses of at least ${longest} ms, ${settled === true ? 'settled' : 'not settled'}`,
      );
      expect(pauses.map(({ node }) => node).sort()).toEqual(
        of()
          .lab.masters.map(({ name }) => name)
          .sort(),
      );
      for (const pause of pauses) {
        expect(pause.begun).toBeLessThanOrEqual(move?.begun ?? 0);
        expect(pause.ended).toBeGreaterThanOrEqual(move?.ended ?? Infinity);
      }
    }
  });

  it("had etcd's leadership move at no other time", () => {
    const { before, after } = of();
    say(
      `etcd: ${before.etcd.leader} in term ${before.etcd.term}, then ${after.etcd.leader} in term ${after.etcd.term}`,
    );
    const others = after.etcd.term - before.etcd.term - moves().length;
    const stalled = of().control.stalls.length;
    if (others > 0 && stalled > 0) {
      // An election that a machine forces by not running etcd for a second says nothing about the rotation.
      say(`DISTURBED: ${others} more terms, while the control client was stalled ${stalled} times`);
      return;
    }
    expect(others).toBe(0);
    expect(after.etcd.leader).toBe(moves().at(-1)?.to ?? before.etcd.leader);
  });
}
