import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import type { ContractCluster, ContractNode, Fact } from '../cluster.js';
import { clusterCa, first, freshCa, handshake, read, successor, withFiles, within } from '../tools.js';

/** The shell words that ask etcd as its API server does, with the files of the node. */
const etcdctl = ({ certs, ports }: ContractCluster): string =>
  `cd "$KEYROLL_ROOT${certs}" && ETCDCTL_API=3 etcdctl --dial-timeout=20s --command-timeout=30s --endpoints=https://127.0.0.1:${ports.etcd} --cacert="$KEYROLL_ROOT${certs}/ca.crt" --cert="$KEYROLL_ROOT${certs}/etcdclient.crt" --key="$KEYROLL_ROOT${certs}/etcdclient.key"`;

interface MemberState {
  readonly node: ContractNode;
  readonly id: string;
  readonly leads: boolean;
}

/** Every member as it sees itself. */
async function members(cluster: ContractCluster): Promise<MemberState[]> {
  return Promise.all(
    cluster.masters.map(async (node) => {
      const printed = await cluster.onNode(node.name, `${etcdctl(cluster)} endpoint status -w simple`);
      const [, id = '', , , leads] = printed.trim().split(/,\s*/);
      return { node, id, leads: leads === 'true' };
    }),
  );
}

async function restarted(cluster: ContractCluster, { name }: ContractNode): Promise<void> {
  await cluster.onNode(name, 'systemctl restart etcd');
  await within(30, `etcd on ${name} is healthy`, async () =>
    (await cluster.onNode(name, `${etcdctl(cluster)} endpoint health -w simple 2>&1 || true`)).includes(
      'is healthy',
    ),
  );
}

const refusesUntilRestarted: Fact = {
  title:
    'etcd refuses a client of a new CA without the bridge until it is restarted, and accepts it with the bridge at once',
  settles: 'quick',
  async check(cluster) {
    const old = await clusterCa(cluster);
    const fresh = await freshCa(old);
    const client = await successor(cluster, 'etcdclient', fresh);
    const follower = (await members(cluster)).find(({ leads }) => !leads)?.node ?? first(cluster);
    const url = `https://${follower.address}:${cluster.ports.etcd}/health`;
    const asked = (cert: string) => cluster.request(url, { ca: old.pem, cert, key: client.key });
    expect((await asked(client.cert + fresh.bridge)).status).toBe(200);
    await expect(asked(client.cert)).rejects.toThrow();
    await withFiles(cluster, [follower], { [`${cluster.certs}/ca.crt`]: fresh.pem + old.pem }, async () => {
      await expect(asked(client.cert)).rejects.toThrow();
      await restarted(cluster, follower);
      expect((await asked(client.cert)).status).toBe(200);
    });
    await restarted(cluster, follower);
    await expect(asked(client.cert)).rejects.toThrow();
  },
};

const showsAtOnce: Fact = {
  title:
    'etcd shows a replaced serving pair at the next handshake, and names the CA that it was started with',
  settles: 'quick',
  async check(cluster) {
    const old = await clusterCa(cluster);
    const master = first(cluster);
    const fresh = await freshCa(old);
    const leaf = await successor(cluster, 'etcdserver', fresh);
    const files = {
      [`${cluster.certs}/etcdserver.crt`]: leaf.cert + fresh.bridge,
      [`${cluster.certs}/etcdserver.key`]: leaf.key,
    };
    const target = `127.0.0.1:${cluster.ports.etcd}`;
    const before = await handshake(cluster, master, target);
    await withFiles(cluster, [master], files, async () => {
      const { chain, names } = await handshake(cluster, master, target);
      expect(chain).toEqual([leaf.cert, fresh.bridge]);
      expect(names).toEqual(before.names);
    });
    expect((await handshake(cluster, master, target)).chain).toEqual(before.chain);
    expect(before.chain.join('')).toBe(await read(cluster, master, `${cluster.certs}/etcdserver.crt`));
  },
};

const moves = 3;

/** As anybody would do it: without holding anything back. */
async function moveBare(cluster: ContractCluster): Promise<void> {
  const all = await members(cluster);
  const leader = all.find(({ leads }) => leads);
  const next = all[(all.findIndex(({ leads }) => leads) + 1) % all.length];
  if (!leader || !next) throw new Error('etcd has no leader');
  await cluster.onNode(leader.node.name, `${etcdctl(cluster)} move-leader ${next.id}`);
}

async function times(count: number, work: () => Promise<void>): Promise<void> {
  for (let done = 0; done < count; done += 1) await work();
}

/** Requests under way end in this time, ms. */
const settledMs = 250;
/** A pause must be shorter, or clients lose their patience with whoever holds them back, ms. */
const longestPauseMs = 2_000;

/**
 * All masters drop what arrives at their API servers, what is under way ends, leadership moves, and TCP sends again what
 * was dropped. @returns how long that took, ms
 */
async function movePaused(cluster: ContractCluster): Promise<number> {
  const all = await members(cluster);
  const leader = all.find(({ leads }) => leads);
  const next = all[(all.findIndex(({ leads }) => leads) + 1) % all.length];
  if (!leader || !next) throw new Error('etcd has no leader');
  const everywhere = (verb: string): Promise<string[]> =>
    Promise.all(
      cluster.masters.map(({ name }) =>
        cluster.onNode(
          name,
          `iptables -w 2 ${verb} INPUT -p tcp --dport ${cluster.ports.api} -m addrtype --dst-type LOCAL ! -d 127.0.0.0/8 -m comment --comment contract -j DROP`,
        ),
      ),
    );
  const begun = Date.now();
  await everywhere('-I');
  try {
    await sleep(settledMs);
    await cluster.onNode(leader.node.name, `${etcdctl(cluster)} move-leader ${next.id}`);
  } finally {
    await everywhere('-D');
  }
  return Date.now() - begun;
}

const rounds = 10;

const movedBare: Fact = {
  title: "etcd's leadership moved under load fails requests",
  settles: 'slow',
  async check(cluster) {
    // Whether one move hits a request is chance: on a quick disk four in a row hit none.
    let failures = 0;
    for (let round = 0; failures === 0 && round < rounds; round += 1)
      failures = (await cluster.underLoad(() => times(moves, () => moveBare(cluster)))).failed;
    expect(failures).toBeGreaterThan(0);
  },
};

const attempts = 4;

const movedPaused: Fact = {
  title: "etcd's leadership moved behind a pause on all masters fails none",
  settles: 'slow',
  async check(cluster) {
    for (let attempt = 1; ; attempt += 1) {
      let longest = 0;
      const { requests, failed } = await cluster.underLoad(() =>
        times(moves, async () => {
          longest = Math.max(longest, await movePaused(cluster));
        }),
      );
      // A machine that was too busy to pause for so short a time has shown nothing.
      if (longest > longestPauseMs && attempt < attempts) continue;
      expect(longest).toBeLessThanOrEqual(longestPauseMs);
      expect(requests).toBeGreaterThan(0);
      expect(failed).toBe(0);
      return;
    }
  },
};

export const etcdFacts: readonly Fact[] = [refusesUntilRestarted, showsAtOnce, movedBare, movedPaused];
