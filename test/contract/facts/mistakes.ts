import { expect } from 'vitest';
import { generateKey, keyPair, mintNewLeaf, parseCertificate } from '../../../src/pki/index.js';
import { tokenIn, withAccount } from '../accounts.js';
import type { ClientIdentity, ContractCluster, ContractNode, Fact } from '../cluster.js';
import {
  admin,
  api,
  clusterCa,
  first,
  freshCa,
  read,
  reloadSeconds,
  successor,
  withFiles,
  within,
} from '../tools.js';

/** What a rotation must not do, and what it does to clients: a cluster that bears it proves nothing. */

const losesName: Fact = {
  title:
    'a serving certificate that has lost a name cuts off whoever uses the name, and is served all the same',
  settles: 'slow',
  async check(cluster) {
    const master = first(cluster);
    const issuer = await clusterCa(cluster);
    const identity = await admin(cluster);
    const [certFile, keyFile] = [`${cluster.certs}/apiserver.crt`, `${cluster.certs}/apiserver.key`];
    const old = parseCertificate(await read(cluster, master, certFile), certFile);
    const { notBefore, notAfter } = old;
    const poorer = mintNewLeaf({
      ...{ commonName: old.commonName, extendedKeyUsages: ['serverAuth'], issuer },
      sans: [...old.dnsNames, ...old.ipAddresses].filter((name) => name !== master.address),
      key: keyPair(await read(cluster, master, keyFile)),
      validity: { notBefore, notAfter },
    });
    expect(old.ipAddresses).toContain(master.address);
    const answers = (): Promise<boolean> =>
      api(cluster, master, '/version', identity).then(
        ({ status }) => status === 200,
        (error: unknown) => {
          expect(String(error)).toMatch(/altname|alternative certificate subject name/i);
          return false;
        },
      );
    expect(await answers()).toBe(true);
    await withFiles(cluster, [master], { [certFile]: poorer.pem }, () =>
      within(reloadSeconds, 'a strict client refuses the server', async () => !(await answers())),
    );
    await within(reloadSeconds, 'the server is accepted again', answers);
  },
};

const isLeftOut: Fact = {
  title: 'a master that is left out of trust answers new clients with 401, beside masters that accept them',
  settles: 'slow',
  async check(cluster) {
    const old = await clusterCa(cluster);
    const fresh = await freshCa(old);
    const { cert, key } = await successor(cluster, 'client', fresh);
    const status = async (master: ContractNode): Promise<number> =>
      (await api(cluster, master, '/version', { ca: old.pem, cert, key })).status;
    const [leftOut, ...trusting] = cluster.masters;
    if (!leftOut) throw new Error('the cluster has no master');
    await withFiles(cluster, trusting, { [`${cluster.certs}/ca.crt`]: fresh.pem + old.pem }, async () => {
      for (const master of trusting)
        await within(
          reloadSeconds,
          `${master.name} accepts the client`,
          async () => (await status(master)) === 200,
        );
      expect(await status(leftOut)).toBe(401);
    });
    for (const master of trusting)
      await within(
        reloadSeconds,
        `${master.name} refuses it again`,
        async () => (await status(master)) === 401,
      );
  },
};

/** The manifest's key of service accounts is another one; as a rotation does it: another file, and the old process gone. */
async function withOtherAccountKey(
  cluster: ContractCluster,
  { name }: ContractNode,
  work: () => Promise<void>,
): Promise<void> {
  const { privatePem } = await generateKey({ type: 'rsa', bits: 2048 });
  const root = '"$KEYROLL_ROOT"';
  const manifests = `${root}/etc/kubernetes/manifests`;
  const key = `${cluster.certs}/contract-sa.key`;
  const end = `for pid in $(pgrep -f '^([^ ]*/)?kube-apiserver( |$)'); do kill -KILL "$pid"; done`;
  await cluster.onNode(name, `umask 077; cat > ${root}${key}`, privatePem);
  await cluster.onNode(
    name,
    `sed -E 's#(service-account-(signing-)?key-file=)[^"]*#\\1${key}#; s/name: kube-apiserver$/name: kube-apiserver-contract/' \
      ${manifests}/kube-apiserver.yaml > ${root}/etc/kubernetes/contract.yaml
    mv ${manifests}/kube-apiserver.yaml ${root}/etc/kubernetes/kube-apiserver.contract
    ${end}
    mv ${root}/etc/kubernetes/contract.yaml ${manifests}/contract.yaml`,
  );
  try {
    await work();
  } finally {
    await cluster.onNode(
      name,
      `rm ${manifests}/contract.yaml
      ${end}
      mv ${root}/etc/kubernetes/kube-apiserver.contract ${manifests}/kube-apiserver.yaml
      rm ${root}${key}`,
    );
  }
}

const distrustsTooSoon: Fact = {
  title: 'a master that knows the new service-account key alone answers 401 to pods that were not refreshed',
  settles: 'slow',
  async check(cluster) {
    const identity = await admin(cluster);
    const master = cluster.masters.at(-1) ?? first(cluster);
    const isReady = async (): Promise<boolean> =>
      (await api(cluster, master, '/readyz', identity)).text === 'ok';
    const status = async (asking: ClientIdentity): Promise<number> =>
      (await api(cluster, master, '/version', asking)).status;
    await withAccount(cluster, identity, async (_name, secret) => {
      const pod = { ca: identity.ca, token: await tokenIn(cluster, identity, secret) };
      expect(await status(pod)).toBe(200);
      await withOtherAccountKey(cluster, master, () =>
        within(
          120,
          'it has started with the other key and answers 401',
          async () => (await isReady()) && (await status(pod)) === 401,
        ),
      );
      await within(
        120,
        'it has started with its own key',
        async () => (await isReady()) && (await status(pod)) === 200,
      );
    });
  },
};

export const mistakeFacts: readonly Fact[] = [losesName, isLeftOut, distrustsTooSoon];
