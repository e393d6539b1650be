import { readFileSync, renameSync, rmSync } from 'node:fs';
import { request } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { shortenedTimings, startCluster, type HollowCluster } from '../../src/hollow/index.js';
import {
  generateKey,
  keyPair,
  mintAuthority,
  mintNewLeaf,
  parseCertificate,
  type Issuer,
} from '../../src/pki/index.js';

const certs = '/etc/kubernetes/certs';
const validity = { notBefore: new Date(Date.now() - 3_600_000), notAfter: new Date(Date.now() + 86_400_000) };
const ec = { type: 'ec', curve: 'prime256v1' } as const;
let cluster: HollowCluster;

beforeAll(async () => {
  cluster = await startCluster({
    ...{ masters: 3, agents: 1, timings: shortenedTimings, keys: ec, projectedTokens: false },
    // Watchdogs would mend by force what is broken here on purpose.
    watchdogDelayMs: 3_600_000,
  });
}, 180_000);
afterAll(() => cluster.stop());

const masters = (): HollowCluster['machines'] => cluster.machines.slice(0, 3);
const read = (file: string): string => readFileSync(masters()[0]?.node.path(file) ?? '', 'utf8');

interface Identity {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}
const admin = (): Identity => ({
  ca: read(`${certs}/ca.crt`),
  cert: read(`${certs}/client.crt`),
  key: read(`${certs}/client.key`),
});

/** What one strict request through the load balancer ends with: a status, or an error's code. */
function ask(identity: Identity): Promise<number | string> {
  const url = `https://${cluster.plan.balancer}:${cluster.plan.apiPort}/api/v1/namespaces/default`;
  return new Promise((resolve) => {
    const asked = request(url, { ...identity, agent: false }, (answer) => {
      answer.resume();
      answer.on('end', () => resolve(answer.statusCode ?? 0));
    });
    asked.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    asked.end();
  });
}

/** Answers of as many requests as there are turns of the balancer, until one is as a mistake makes it. */
async function until(identity: Identity, seen: (answer: number | string) => boolean): Promise<void> {
  await expect.poll(async () => seen(await ask(identity)), { timeout: 60_000, interval: 50 }).toBe(true);
}

describe('a mistake in a rotation fails requests on the hollow cluster', () => {
  it('a name that the serving certificate has lost', { timeout: 120_000 }, async () => {
    const [cert, key] = [read(`${certs}/apiserver.crt`), read(`${certs}/apiserver.key`)];
    const issuer: Issuer = {
      certificate: parseCertificate(read(`${certs}/ca.crt`), 'CA'),
      privatePem: read(`${certs}/ca.key`),
    };
    const names = parseCertificate(cert, 'apiserver').sans.filter(
      (name) => !name.includes(cluster.plan.balancer),
    );
    const poorer = mintNewLeaf({
      commonName: 'apiserver',
      sans: names,
      extendedKeyUsages: ['serverAuth'],
      issuer,
      key: keyPair(key),
      validity,
    });
    expect(await ask(admin())).toBe(200);
    const put = (content: string): void => {
      for (const { node } of masters()) node.write({ path: `${certs}/apiserver.crt`, content });
    };
    put(poorer.pem);
    await until(admin(), (answer) => answer === 'ERR_TLS_CERT_ALTNAME_INVALID');
    put(cert);
    await until(admin(), (answer) => answer === 200);
  });

  it('a master that was left out of trust', { timeout: 120_000 }, async () => {
    const [caKey, key] = [await generateKey(ec), await generateKey(ec)];
    const ca = mintAuthority({
      commonName: 'ca-new',
      key: caKey,
      validity: { ...validity, notAfter: new Date(Date.now() + 2 * 86_400_000) },
    });
    const leaf = mintNewLeaf({
      ...{
        commonName: 'client',
        organization: 'system:masters',
        extendedKeyUsages: ['clientAuth'],
        key,
        validity,
      },
      issuer: { certificate: ca, privatePem: caKey.privatePem },
    });
    const old = read(`${certs}/ca.crt`);
    const fresh: Identity = { ca: old, cert: leaf.pem, key: key.privatePem };
    for (const { node } of masters().slice(0, 2))
      node.write({ path: `${certs}/ca.crt`, content: ca.pem + old });
    await until(fresh, (answer) => answer === 200);
    // The balancer sends one connection in three to the master that does not know the new CA.
    await until(fresh, (answer) => answer === 401);
    for (const { node } of masters().slice(0, 2)) node.write({ path: `${certs}/ca.crt`, content: old });
  });

  it('distrust before the workloads were refreshed', { timeout: 180_000 }, async () => {
    const { privatePem } = await generateKey(ec);
    const before = cluster.calls.failed;
    for (const { node } of masters()) {
      const folder = '/etc/kubernetes/manifests';
      const manifest = readFileSync(node.path(`${folder}/kube-apiserver.yaml`), 'utf8')
        .replaceAll(/(service-account-(?:signing-)?key-file=)[^"]*/g, '$1/etc/kubernetes/certs/sa-other.key')
        .replace('name: kube-apiserver', 'name: kube-apiserver-distrust');
      node.write({ path: `${certs}/sa-other.key`, content: privatePem, mode: 0o600 });
      rmSync(node.path(`${folder}/kube-apiserver.yaml`));
      for (const process of node.processes.find(/^kube-apiserver /)) process.signal('KILL');
      await sleep(500);
      node.write({ path: '/etc/kubernetes/.next', content: manifest });
      renameSync(node.path('/etc/kubernetes/.next'), node.path(`${folder}/kube-apiserver-distrust.yaml`));
    }
    await expect.poll(() => cluster.calls.failed, { timeout: 120_000 }).toBeGreaterThan(before);
  });
});
