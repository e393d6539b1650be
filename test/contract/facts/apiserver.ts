import { expect } from 'vitest';
import { parseCertificates } from '../../../src/pki/index.js';
import type { Fact } from '../cluster.js';
import {
  admin,
  api,
  ask,
  clusterCa,
  first,
  freshCa,
  handshake,
  pids,
  reloadSeconds,
  sorted,
  successor,
  withFiles,
  within,
} from '../tools.js';

const showsReplaced: Fact = {
  title: 'kube-apiserver shows a replaced serving certificate without a restart within a minute',
  settles: 'slow',
  async check(cluster) {
    const master = first(cluster);
    const old = await clusterCa(cluster);
    const leaf = await successor(cluster, 'apiserver', old);
    const target = `127.0.0.1:${cluster.ports.api}`;
    const files = {
      [`${cluster.certs}/apiserver.crt`]: leaf.cert,
      [`${cluster.certs}/apiserver.key`]: leaf.key,
    };
    const before = await pids(cluster, master, 'kube-apiserver');
    const shows = async (pem: string): Promise<boolean> =>
      (await handshake(cluster, master, target)).chain[0] === pem;
    const [shown = ''] = (await handshake(cluster, master, target)).chain;
    await withFiles(cluster, [master], files, () =>
      within(reloadSeconds, 'the new one is shown', () => shows(leaf.cert)),
    );
    await within(reloadSeconds, 'the old one is shown again', () => shows(shown));
    expect(await pids(cluster, master, 'kube-apiserver')).toEqual(before);
  },
};

const acceptsReplaced: Fact = {
  title:
    'kube-apiserver accepts and names the CAs of a replaced client CA file within a minute, and no longer when it is back',
  settles: 'slow',
  async check(cluster) {
    const master = first(cluster);
    const old = await clusterCa(cluster);
    const fresh = await freshCa(old);
    const client = await successor(cluster, 'client', fresh);
    const identity = { ca: old.pem, cert: client.cert, key: client.key };
    const accepted = async (): Promise<boolean> =>
      (await api(cluster, master, '/version', identity)).status === 200;
    expect(await accepted()).toBe(false);
    await withFiles(cluster, [master], { [`${cluster.certs}/ca.crt`]: fresh.pem + old.pem }, async () => {
      await within(reloadSeconds, 'a client of the new CA is accepted', accepted);
      const { names } = await handshake(cluster, master, `127.0.0.1:${cluster.ports.api}`);
      for (const ca of [fresh.certificate, old.certificate]) expect(names).toContain(sorted(ca.subject));
    });
    await within(reloadSeconds, 'it is refused again', async () => !(await accepted()));
  },
};

const refusesByRequest: Fact = {
  title:
    'kube-apiserver refuses a client of an unknown CA by 401, not in the handshake; with the bridge it accepts it at once',
  settles: 'quick',
  async check(cluster) {
    const old = await clusterCa(cluster);
    const fresh = await freshCa(old);
    const { cert, key } = await successor(cluster, 'client', fresh);
    const asked = async (shown: string): Promise<number> =>
      (await api(cluster, first(cluster), '/version', { ca: old.pem, cert: shown, key })).status;
    expect([await asked(cert), await asked(cert + fresh.bridge)]).toEqual([401, 200]);
  },
};

interface ConfigMap {
  readonly data: Readonly<Record<string, string>>;
}
const authentication = '/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication';
const clientCa = 'client-ca-file';

const isUnion: Fact = {
  title:
    'extension-apiserver-authentication is a union: what was added stays, what is trusted and was taken out comes back within a minute',
  settles: 'slow',
  async check(cluster) {
    const identity = await admin(cluster);
    const old = await clusterCa(cluster);
    const fresh = await freshCa(old);
    const held = async (): Promise<string[]> => {
      const { data } = await ask<ConfigMap>(cluster, authentication, identity);
      return parseCertificates(data[clientCa] ?? '', authentication).map(({ fingerprint }) => fingerprint);
    };
    const write = (pem: string): Promise<ConfigMap> =>
      ask(cluster, authentication, identity, {
        method: 'PATCH',
        contentType: 'application/merge-patch+json',
        body: { data: { [clientCa]: pem } },
      });
    const before = (await ask<ConfigMap>(cluster, authentication, identity)).data[clientCa] ?? '';
    await write(fresh.pem);
    try {
      await within(reloadSeconds, 'the CA of the cluster comes back', async () =>
        (await held()).includes(old.certificate.fingerprint),
      );
      expect(await held()).toContain(fresh.certificate.fingerprint);
    } finally {
      await write(before);
    }
  },
};

const endsOrderly: Fact = {
  title:
    'kube-apiserver takes no new connection after one SIGTERM though its watches hold it up, and ends at the second',
  settles: 'quick',
  async check(cluster) {
    const master = cluster.masters.at(-1) ?? first(cluster);
    const identity = await admin(cluster);
    const [pid = ''] = await pids(cluster, master, 'kube-apiserver');
    const lives = async (): Promise<boolean> => (await pids(cluster, master, 'kube-apiserver')).includes(pid);
    await cluster.onNode(master.name, `kill -TERM ${pid}`);
    await within(5, 'new connections are refused', () =>
      api(cluster, master, '/version', identity).then(
        () => false,
        () => true,
      ),
    );
    expect(await lives()).toBe(true);
    await cluster.onNode(master.name, `kill -TERM ${pid}`);
    await within(5, 'the process has ended', async () => !(await lives()));
    await within(
      90,
      'kubelet has started it again',
      async () => (await api(cluster, master, '/readyz', identity)).text === 'ok',
    );
  },
};

interface PingList {
  readonly kind: string;
  readonly user: string;
}

const vouches: Fact = {
  title: 'kube-apiserver vouches for its users to an aggregated API server',
  settles: 'quick',
  async check(cluster) {
    const identity = await admin(cluster);
    const { kind, user } = await ask<PingList>(cluster, '/apis/lab.keyroll.dev/v1alpha1/pings', identity);
    const [own] = parseCertificates(identity.cert ?? '', 'client.crt');
    expect({ kind, user }).toEqual({ kind: 'PingList', user: own?.commonName });
  },
};

export const apiserverFacts: readonly Fact[] = [
  refusesByRequest,
  vouches,
  endsOrderly,
  showsReplaced,
  acceptsReplaced,
  isUnion,
];
