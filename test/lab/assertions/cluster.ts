import { createVerify, X509Certificate } from 'node:crypto';
import { expect, it } from 'vitest';
import { etcdctl } from '../run/cluster-state.js';
import type { Rotation } from '../run/rotation.js';
import { say } from '../say.js';

const certs = '/etc/kubernetes/certs';

/** Tokens, CA bundles for pods, and trust in the front proxy are new too. */
export function itRenewedWhatTheClusterHolds(of: () => Rotation): void {
  it('has only new legacy tokens, signed with the new key, for the same accounts', () => {
    const { before, after, lab } = of();
    const old = new Set(before.tokens.flatMap(({ uid, token }) => [uid, token]));
    say(`${before.tokens.length} legacy tokens before, ${after.tokens.length} after`);
    expect(
      after.tokens.filter(({ uid, token }) => old.has(uid) || old.has(token)).map(({ name }) => name),
    ).toEqual([]);
    const master = after.nodes.get(lab.masters[0]?.name ?? '');
    const key = new X509Certificate(master?.certificates.get(`${certs}/apiserver.crt`) ?? '').publicKey;
    const ca = master?.certificates.get(`${certs}/ca.crt`)?.trimEnd();
    for (const { name, token, ca: given } of after.tokens) {
      const [header = '', claims = '', signature = ''] = token.split('.');
      const verify = createVerify('RSA-SHA256').update(`${header}.${claims}`);
      expect(verify.verify(key, Buffer.from(signature, 'base64url')), name).toBe(true);
      expect(given.trimEnd(), name).toBe(ca);
    }
    const accounts = (tokens: readonly { token: string }[]): string[] =>
      tokens.map(
        ({ token }) =>
          (JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as { sub: string }).sub,
      );
    // The namespace of keyroll's own probe comes and goes.
    const lasting = accounts(before.tokens).filter((sub) => !sub.includes(':keyroll-probe:'));
    expect(new Set(accounts(after.tokens))).toEqual(expect.objectContaining(new Set(lasting)));
  });

  it('gives the new CA alone to pods and to aggregated API servers', async () => {
    const { lab, after } = of();
    const master = after.nodes.get(lab.masters[0]?.name ?? '');
    const pem = (name: string): string => (master?.certificates.get(`${certs}/${name}.crt`) ?? '').trimEnd();
    const maps = await lab.list<{
      metadata: { namespace: string; name: string };
      data: Record<string, string>;
    }>('configmaps', '--all-namespaces');
    const roots = maps.filter(({ metadata }) => metadata.name === 'kube-root-ca.crt');
    expect(roots.length).toBeGreaterThan(3);
    for (const { metadata, data } of roots)
      expect(data['ca.crt']?.trimEnd(), metadata.namespace).toBe(pem('ca'));
    const trusted = maps.find(({ metadata }) => metadata.name === 'extension-apiserver-authentication')?.data;
    expect(trusted?.['client-ca-file']?.trimEnd()).toBe(pem('ca'));
    expect(trusted?.['requestheader-client-ca-file']?.trimEnd()).toBe(pem('proxy-ca'));
  });
}

/** The front proxy's new set is where a new master looks for it, and an aggregated API server accepts it. */
export function itReplacedTheFrontProxy(of: () => Rotation): void {
  it('put the same front-proxy set into etcd', async () => {
    const { lab, after } = of();
    const [first] = lab.masters;
    const get = (key: string): string => `${etcdctl} get --print-value-only /proxycerts/${key}`;
    const onDisk = after.nodes.get(first?.name ?? '');
    const read = (key: string): Promise<string> => lab.onNode(first?.name ?? '', get(key));
    const value = (path: string): string => ` ${onDisk?.certificates.get(path) ?? ''}`.trimEnd();
    expect((await read('requestheader-client-ca-file')).trimEnd()).toBe(value(`${certs}/proxy-ca.crt`));
    expect((await read('proxy-client-cert-file')).trimEnd()).toBe(value(`${certs}/proxy.crt`));
    const hash = await lab.onNode(
      first?.name ?? '',
      `${get('proxy-client-key-file')} | sed '1s/^ //' | openssl pkey -pubout -outform DER | sha256sum | cut -d' ' -f1`,
    );
    expect(hash.trim()).toBe(onDisk?.keys.get(`${certs}/proxy.key`));
  });

  it('still reaches the aggregated API through the front proxy', async () => {
    const said = await of().lab.kubectl(['get', '--raw', '/apis/lab.keyroll.dev/v1alpha1/pings']);
    expect(JSON.parse(said)).toMatchObject({ kind: 'PingList', user: 'client' });
  });
}
