import { createHash, createPublicKey, X509Certificate } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { certificateFiles } from '../files/certificates.js';
import { planLab } from '../plan.js';
import { createPki, type ClusterPki } from './cluster.js';

const plan = planLab('/x/keyroll-lab', { masters: 3, agents: 1 });
let pki: ClusterPki;
beforeAll(async () => {
  pki = await createPki(plan, 2048);
});

describe('the CA', () => {
  it('is named ca and identified as Go does it: SHA-256 of the public key, cut to 20 bytes', () => {
    const ca = new X509Certificate(pki.ca.certificate);
    const key = createPublicKey(pki.ca.certificate).export({ type: 'pkcs1', format: 'der' });
    const identifier = createHash('sha256').update(key).digest().subarray(0, 20);
    expect(ca.subject).toBe('CN=ca');
    expect(ca.ca).toBe(true);
    expect(ca.raw.includes(Buffer.concat([Buffer.from('0414', 'hex'), identifier]))).toBe(true);
  });

  it('signs all leaves, and none outlives it', () => {
    const ca = new X509Certificate(pki.ca.certificate);
    for (const pair of [
      pki.apiserver,
      pki.client,
      pki.kubeConfig,
      pki.etcdServer,
      pki.etcdClient,
      ...pki.etcdPeers,
    ]) {
      const leaf = new X509Certificate(pair.certificate);
      expect(leaf.checkIssued(ca)).toBe(true);
      expect(leaf.verify(ca.publicKey)).toBe(true);
      expect(Date.parse(leaf.validTo)).toBeLessThanOrEqual(Date.parse(ca.validTo));
      expect(Date.parse(leaf.validFrom)).toBeGreaterThanOrEqual(Date.parse(ca.validFrom));
    }
  });
});

it('gives the API server the names that AKS Engine gives it', () => {
  const names = new X509Certificate(pki.apiserver.certificate).subjectAltName?.split(', ');
  expect(names).toEqual([
    `DNS:${plan.fqdn}`,
    ...['DNS:localhost', 'DNS:kubernetes'],
    ...['DNS:kubernetes.default', 'DNS:kubernetes.default.svc', 'DNS:kubernetes.default.svc.cluster.local'],
    ...[
      'DNS:kubernetes.kube-system',
      'DNS:kubernetes.kube-system.svc',
      'DNS:kubernetes.kube-system.svc.cluster.local',
    ],
    ...['IP Address:10.240.255.5', 'IP Address:127.0.0.1', 'IP Address:10.240.255.15'],
    ...['IP Address:10.240.255.6', 'IP Address:10.240.255.7', 'IP Address:10.0.0.1'],
  ]);
});

it('has one etcd peer for each master, a front proxy of its own, and self-signed kubelets', () => {
  expect(pki.etcdPeers).toHaveLength(3);
  const proxyCa = new X509Certificate(pki.proxyCa);
  expect(new X509Certificate(pki.proxy.certificate).verify(proxyCa.publicKey)).toBe(true);
  for (const { name } of plan.nodes) {
    const kubelet = new X509Certificate(pki.kubeletServers[name]?.certificate ?? '');
    expect(kubelet.subject).toBe(`CN=${name}`);
    expect(kubelet.verify(kubelet.publicKey)).toBe(true);
  }
});

describe('the files of a node', () => {
  it('let nobody but the owner read a key, and etcd own its own', () => {
    const [master] = plan.nodes;
    if (master === undefined) throw new Error('no master');
    for (const file of certificateFiles(pki, master)) {
      const isKey = file.path.endsWith('.key');
      expect([file.path, file.mode ?? 0o644]).toEqual([file.path, isKey ? 0o600 : 0o644]);
      const etcds = /etcdserver\.key|etcdpeer0\.key/.test(file.path);
      expect([file.path, file.owner ?? 'root']).toEqual([file.path, etcds ? 'etcd' : 'root']);
    }
  });

  it('hold no CA key on an agent, and one peer on a master', () => {
    const names = (index: number): string[] => {
      const node = plan.nodes[index];
      return node === undefined
        ? []
        : certificateFiles(pki, node).map((file) => file.path.split('/').at(-1) ?? '');
    };
    expect(names(3)).toEqual([
      'ca.crt',
      'client.crt',
      'client.key',
      'kubeletserver.crt',
      'kubeletserver.key',
    ]);
    expect(names(1).filter((name) => name.startsWith('etcdpeer'))).toEqual([
      'etcdpeer1.crt',
      'etcdpeer1.key',
    ]);
  });
});
