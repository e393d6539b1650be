import { X509Certificate } from 'node:crypto';
import { expect, it } from 'vitest';
import { fingerprintOf, subjectOf } from '../run/cluster-state.js';
import { kubeletClient, type NodeState } from '../run/node-state.js';
import type { Rotation } from '../run/rotation.js';
import { say } from '../say.js';

const certs = '/etc/kubernetes/certs';
const minute = 60_000;

/** `[node, path, before, after]` of every certificate file on every node. */
function certificates(
  rotation: Rotation,
): { where: string; path: string; old: string; now: string; state: NodeState }[] {
  return [...rotation.after.nodes].flatMap(([node, state]) =>
    [...state.certificates].map(([path, now]) => ({
      where: `${node} ${path}`,
      path,
      old: rotation.before.nodes.get(node)?.certificates.get(path) ?? '',
      now,
      state,
    })),
  );
}

/** Every key is new, every chain verifies, and nothing of what a certificate says got lost. */
export function itReplacedEveryCredential(of: () => Rotation): void {
  it('reports a new public key for every credential on every node', () => {
    const { credentials } = of().report;
    const wrong = credentials.filter(
      ({ oldFingerprint, newFingerprint }) =>
        !/^[0-9a-f]{64}$/.test(oldFingerprint) ||
        !/^[0-9a-f]{64}$/.test(newFingerprint) ||
        oldFingerprint === newFingerprint,
    );
    say(`${credentials.length} credentials reported`);
    expect(wrong).toEqual([]);
    expect(new Set(credentials.map(({ name }) => name))).toEqual(
      new Set([
        ...['ca', 'front-proxy-ca', 'service-account-key', 'apiserver', 'client', 'kubectlClient', 'proxy'],
        ...[
          'etcdserver',
          'etcdclient',
          'etcdpeer0',
          'etcdpeer1',
          'etcdpeer2',
          'kubeletserver',
          'kubelet-client',
        ],
      ]),
    );
  });

  it('has a new private key in every key file, as OpenSSL on the nodes reads them', () => {
    const { before, after } = of();
    const old = new Set([...before.nodes.values()].flatMap(({ keys }) => [...keys.values()]));
    const keys = [...after.nodes].flatMap(([node, state]) =>
      [...state.keys].map(([path, hash]) => ({ node, path, hash })),
    );
    say(`${keys.length} private keys on ${after.nodes.size} nodes`);
    expect(keys.filter(({ hash }) => !/^[0-9a-f]{64}$/.test(hash) || old.has(hash))).toEqual([]);
    for (const [node, state] of after.nodes)
      expect([...state.keys.keys()], node).toEqual([...(before.nodes.get(node)?.keys.keys() ?? [])]);
  });

  it('says of the nodes what they show', () => {
    const { report, after } = of();
    const seen = new Set([...after.nodes.values()].flatMap(({ keys }) => [...keys.values()]));
    const authorities = [...after.nodes.values()].flatMap(({ certificates: all }) =>
      ['ca.crt', 'proxy-ca.crt'].flatMap((name) => {
        const pem = all.get(`${certs}/${name}`);
        return pem === undefined ? [] : [fingerprintOf(pem)];
      }),
    );
    const unseen = report.credentials.filter(
      ({ newFingerprint }) => !seen.has(newFingerprint) && !authorities.includes(newFingerprint),
    );
    expect(unseen).toEqual([]);
  });
}

/** What the new certificates say is what the old ones said, and every chain verifies. */
export function itMintedAsBefore(of: () => Rotation): void {
  it('has a certificate and a key that belong together, and no bridge left', () => {
    for (const { where, path, now, state } of certificates(of())) {
      expect(now.match(/BEGIN CERTIFICATE/g), where).toHaveLength(1);
      const key = path === kubeletClient ? path : path.replace(/crt$/, 'key');
      if (state.keys.has(key)) expect(fingerprintOf(now), where).toBe(state.keys.get(key));
    }
  });

  it('verifies strictly with OpenSSL on every node', async () => {
    const { lab, after } = of();
    for (const [node, state] of after.nodes) {
      const said = await lab.onNode(node, verifyScript([...state.certificates.keys()]));
      expect(
        said.split('\n').filter((line) => line !== '' && !line.endsWith(': OK')),
        node,
      ).toEqual([]);
    }
  });

  it('keeps subjects, names, usages and strength', () => {
    for (const { where, path, old, now } of certificates(of())) {
      const [a, b] = [new X509Certificate(old), new X509Certificate(now)];
      if (!/(^|\/)(proxy-)?ca\.crt$/.test(path)) expect(subjectOf(now), where).toBe(subjectOf(old));
      expect(b.subjectAltName, where).toBe(a.subjectAltName);
      expect(b.keyUsage, where).toEqual(a.keyUsage);
      expect(b.ca, where).toBe(a.ca);
      expect(b.publicKey.asymmetricKeyType, where).toBe(a.publicKey.asymmetricKeyType);
      const bits = (certificate: X509Certificate): number =>
        certificate.publicKey.asymmetricKeyDetails?.modulusLength ?? 256;
      expect(bits(b), where).toBeGreaterThanOrEqual(bits(a));
    }
  });

  it('begins 10 minutes back and lets no leaf outlive its CA', () => {
    const rotation = of();
    for (const { where, path, now, state } of certificates(rotation)) {
      const leaf = new X509Certificate(now);
      const ca = new X509Certificate(
        state.certificates.get(`${certs}/${/proxy\.crt$/.test(path) ? 'proxy-ca' : 'ca'}.crt`) ?? '',
      );
      if (!path.endsWith('kubeletserver.crt') && !/ca\.crt$/.test(path))
        expect(Date.parse(leaf.validTo), where).toBeLessThanOrEqual(Date.parse(ca.validTo));
      // kube-controller-manager signs the kubelet's own client certificate, by its own rules.
      if (path === kubeletClient) continue;
      const back = rotation.begun - Date.parse(leaf.validFrom);
      expect(back, where).toBeLessThanOrEqual(10 * minute + 1000);
      expect(back, where).toBeGreaterThan(10 * minute - (rotation.ended - rotation.begun));
    }
  });
}

/** Prints `PATH: OK` for what verifies strictly against the CA that is to sign it; errors go to the same place. */
function verifyScript(paths: readonly string[]): string {
  const lines = paths.map((path) => {
    const own = path.endsWith('kubeletserver.crt') || /ca\.crt$/.test(path);
    const ca = own ? path : `${certs}/${path.endsWith('/proxy.crt') ? 'proxy-ca' : 'ca'}.crt`;
    return `openssl verify -x509_strict -CAfile ${ca} ${path} 2>&1`;
  });
  return `${lines.join('\n')}\ntrue\n`;
}
