import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, connect, type TLSSocket } from 'node:tls';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { assemble, type Validity } from './assemble.js';
import { mintAuthority, newCaCommonName } from './authority.js';
import { bridgeObstacle, mintBridge } from './bridge.js';
import { bundle } from './bundle.js';
import { parseCertificate, type Certificate } from './certificate.js';
import { verifyChain } from './chain.js';
import { differences } from './compare.js';
import { authorityKeyIdentifier } from './extensions.js';
import { fieldsOf } from './fields.js';
import { generateKey, keyIdentifier, type KeyIdentifierMethod, type KeyPair, type KeySpec } from './key.js';
import { mintLeaf, mintNewLeaf, type Issuer } from './leaf.js';
import { ExtensionOid } from './names.js';
import { validityLike } from './validity.js';

const DAY = 24 * 3600 * 1000;
/** Finding RSA primes on a busy machine takes as long as it takes. */
const KEY_TIMEOUT_MS = 120_000;
const now = new Date();
const decades: Validity = {
  notBefore: new Date(now.getTime() - DAY),
  notAfter: new Date(now.getTime() + 10950 * DAY),
};
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keyroll-chain-'));
});
afterAll(() => rm(folder, { recursive: true }));

interface Pki {
  readonly oldCa: Certificate;
  readonly oldCaKey: KeyPair;
  readonly oldLeaf: Certificate;
  readonly newCa: Certificate;
  readonly newCaKey: KeyPair;
  readonly bridge: Certificate;
  readonly leaf: Certificate;
  readonly leafKey: KeyPair;
}

type Keys = readonly [oldCa: KeyPair, newCa: KeyPair, leaf: KeyPair];

const threeKeys = (spec: KeySpec): Promise<Keys> =>
  Promise.all([generateKey(spec), generateKey(spec), generateKey(spec)]);

/** An old PKI as aks-engine made it, and the new one that a rotation mints from it. */
function rotated([oldCaKey, newCaKey, leafKey]: Keys, method: KeyIdentifierMethod): Pki {
  const oldCa = mintAuthority({ commonName: 'ca', key: oldCaKey, validity: decades, keyIdentifier: method });
  const oldLeaf = mintNewLeaf({
    commonName: 'apiserver',
    organization: 'system:masters',
    sans: ['localhost', 'kubernetes.default.svc', '127.0.0.1', 'fd00::1'],
    extendedKeyUsages: ['serverAuth', 'clientAuth'],
    issuer: { certificate: oldCa, privatePem: oldCaKey.privatePem },
    key: leafKey,
    validity: decades,
  });
  const newCa = mintAuthority({
    like: oldCa,
    commonName: newCaCommonName(now),
    key: newCaKey,
    validity: validityLike(oldCa, { now }),
  });
  const bridge = mintBridge({
    newCa,
    oldCa,
    oldCaKey: oldCaKey.privatePem,
    validity: validityLike(oldCa, { now }),
  });
  const leaf = mintLeaf({
    like: oldLeaf,
    issuer: { certificate: newCa, privatePem: newCaKey.privatePem },
    key: leafKey,
    validity: validityLike(oldLeaf, { now, notAfterMax: newCa.notAfter }),
  });
  return { oldCa, oldCaKey, oldLeaf, newCa, newCaKey, bridge, leaf, leafKey };
}

interface Question {
  readonly leaf: Certificate;
  readonly untrusted?: readonly Certificate[];
  readonly anchors: readonly Certificate[];
  readonly purpose: 'sslserver' | 'sslclient';
  readonly strict?: boolean;
}

/** What `openssl verify` says: '' when it accepts the chain. */
async function opensslRefusal({
  leaf,
  untrusted = [],
  anchors,
  purpose,
  strict = true,
}: Question): Promise<string> {
  const [leafFile, untrustedFile, anchorsFile] = await Promise.all(
    [[leaf], untrusted, anchors].map(async (certificates, index) => {
      const file = join(folder, `${leaf.fingerprint}-${index}-${Math.random()}.pem`);
      await writeFile(file, certificates.map(({ pem }) => pem).join(''));
      return file;
    }),
  );
  const options = [...(strict ? ['-x509_strict'] : []), '-purpose', purpose, '-no-CApath', '-no-CAstore'];
  const chain = untrusted.length > 0 ? ['-untrusted', untrustedFile ?? ''] : [];
  const args = ['verify', ...options, '-CAfile', anchorsFile ?? '', ...chain, leafFile ?? ''];
  return new Promise((resolve) => {
    execFile('openssl', args, (error, _stdout, stderr) => resolve(error ? stderr || error.message : ''));
  });
}

const keys: readonly (readonly [string, KeySpec])[] = [
  ['EC', { type: 'ec', curve: 'prime256v1' }],
  ['P-384', { type: 'ec', curve: 'secp384r1' }],
  ['RSA', { type: 'rsa', bits: 2048 }],
];
const usages = [
  ['server', 'sslserver'],
  ['client', 'sslclient'],
] as const;

describe.each(keys)('a leaf and a bridge with %s keys', (_name, spec) => {
  let pki: Pki;
  let withoutIdentifier: Pki;
  beforeAll(async () => {
    const keys = await threeKeys(spec);
    pki = rotated(keys, 'sha256');
    withoutIdentifier = rotated(keys, 'none');
  }, KEY_TIMEOUT_MS);

  it('copies the key identifier of the old CA, which was not made as this program makes them', () => {
    expect(pki.oldCa.subjectKeyId).not.toBe(
      keyIdentifier(fieldsOf(pki.oldCa.der).subjectPublicKeyInfo).toString('hex'),
    );
    expect(pki.bridge.authorityKeyId).toBe(pki.oldCa.subjectKeyId);
    expect(withoutIdentifier.bridge.authorityKeyId).toBeUndefined();
  });

  it.each(usages)(
    'passes openssl -x509_strict as %s with the old CA, the new CA and both',
    async (purpose, name) => {
      const { leaf, bridge, oldCa, newCa } = pki;
      for (const anchors of [[oldCa], [newCa], [newCa, oldCa]]) {
        expect(await opensslRefusal({ leaf, untrusted: [bridge], anchors, purpose: name })).toBe('');
        expect(verifyChain([leaf, bridge], anchors, { purpose, at: now })).toBeUndefined();
      }
    },
  );

  it.each(usages)('passes as %s when the old CA has no subject key identifier', async (purpose, name) => {
    const { leaf, bridge, oldCa, newCa, oldLeaf } = withoutIdentifier;
    for (const anchors of [[newCa], [newCa, oldCa]]) {
      expect(await opensslRefusal({ leaf, untrusted: [bridge], anchors, purpose: name })).toBe('');
    }
    expect(
      await opensslRefusal({ leaf, untrusted: [bridge], anchors: [oldCa], purpose: name, strict: false }),
    ).toBe('');
    expect(verifyChain([leaf, bridge], [oldCa], { purpose, at: now })).toBeUndefined();
    // -x509_strict refuses such a CA as such, its own old leaves too: nothing is lost by the bridge.
    expect(await opensslRefusal({ leaf: oldLeaf, anchors: [oldCa], purpose: name })).toMatch(
      /Missing Subject Key Identifier/,
    );
  });

  it('is refused by the old CA without the bridge', async () => {
    const { leaf, oldCa } = pki;
    expect(await opensslRefusal({ leaf, anchors: [oldCa], purpose: 'sslserver' })).toMatch(/unable to get/);
    expect(verifyChain([leaf], [oldCa], { purpose: 'server', at: now })).toMatch(/no trust anchor/);
  });

  it('is refused when the bridge computes the key identifier of the old CA', async () => {
    const { leaf, oldCa } = pki;
    const wrong = bridgeWithComputedIdentifier(pki);
    for (const strict of [true, false]) {
      expect(
        await opensslRefusal({ leaf, untrusted: [wrong], anchors: [oldCa], purpose: 'sslserver', strict }),
      ).not.toBe('');
    }
    expect(verifyChain([leaf, wrong], [oldCa], { purpose: 'server', at: now })).toMatch(
      /authority key identifier .* differs/,
    );
  });

  it('shakes hands with clients that trust the old CA alone and the new CA alone', async () => {
    const { leaf, bridge, oldCa, newCa, oldLeaf, leafKey } = pki;
    const chain = bundle(leaf.pem, bridge.pem);
    for (const trust of [oldCa.pem, newCa.pem, bundle(newCa.pem, oldCa.pem)]) {
      expect(await handshake({ serverCert: chain, clientCert: chain, key: leafKey.privatePem, trust })).toBe(
        'ok',
      );
    }
    const old = { serverCert: oldLeaf.pem, clientCert: oldLeaf.pem, key: leafKey.privatePem };
    expect(await handshake({ ...old, trust: newCa.pem })).not.toBe('ok');
    expect(await handshake({ ...old, trust: oldCa.pem })).toBe('ok');
  });
});

/** The bridge as most libraries would make it: its authority key identifier computed by SHA-1. */
function bridgeWithComputedIdentifier({ bridge, oldCa, oldCaKey }: Pki): Certificate {
  const fields = fieldsOf(bridge.der);
  const computed = keyIdentifier(fieldsOf(oldCa.der).subjectPublicKeyInfo);
  const kept = fields.extensions.filter(({ oid }) => oid !== ExtensionOid.authorityKeyIdentifier);
  return assemble(
    {
      ...fields,
      validity: bridge,
      extensions: [...kept.map(({ whole }) => whole), authorityKeyIdentifier(computed)],
    },
    oldCaKey.privatePem,
  );
}

interface Peers {
  readonly serverCert: string;
  readonly clientCert: string;
  readonly key: string;
  readonly trust: string;
}

/** A mutual TLS handshake on the loopback; both sides trust `trust` alone. 'ok', or the first error's message. */
function handshake({ serverCert, clientCert, key, trust }: Peers): Promise<string> {
  return new Promise((resolve) => {
    const server = createServer({
      cert: serverCert,
      key,
      ca: trust,
      requestCert: true,
      rejectUnauthorized: true,
    });
    let client: TLSSocket | undefined;
    const end = (result: string): void => {
      client?.destroy();
      server.close();
      resolve(result);
    };
    server.on('tlsClientError', (error) => end(`server: ${error.message}`));
    server.on('secureConnection', (socket) => {
      socket.on('error', (error: Error) => end(`server: ${error.message}`));
      socket.end('ok');
    });
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      client = connect({
        host: '127.0.0.1',
        port,
        ca: trust,
        cert: clientCert,
        key,
        servername: 'localhost',
      });
      client.on('error', (error: Error) => end(`client: ${error.message}`));
      client.on('data', (data: Buffer) => end(data.toString()));
    });
  });
}

describe('verifyChain', () => {
  let pki: Pki;
  let issuer: Issuer;
  beforeAll(async () => {
    pki = rotated(await threeKeys({ type: 'ec', curve: 'prime256v1' }), 'sha256');
    issuer = { certificate: pki.newCa, privatePem: pki.newCaKey.privatePem };
  });

  it('refuses before and after the dates, of the leaf and of the anchor', () => {
    const late = new Date(pki.newCa.notAfter.getTime() + 1000);
    const early = new Date(pki.newCa.notBefore.getTime() - 1000);
    const options = { purpose: 'server', at: late } as const;
    expect(verifyChain([pki.leaf], [pki.newCa], options)).toMatch(/apiserver: expired on/);
    expect(verifyChain([pki.leaf], [pki.newCa], { ...options, at: early })).toMatch(
      /apiserver: not valid before/,
    );
    const short = mintAuthority({
      commonName: 'short',
      key: pki.oldCaKey,
      validity: { notBefore: new Date(now.getTime() - 2 * DAY), notAfter: new Date(now.getTime() - DAY) },
    });
    const fields = fieldsOf(pki.leaf.der);
    const leaf = assemble(
      { ...fields, issuer: fieldsOf(short.der).subject, validity: decades, extensions: [] },
      pki.oldCaKey.privatePem,
    );
    expect(verifyChain([leaf], [short], { purpose: 'server', at: now })).toMatch(/CN=short: expired on/);
  });

  it('refuses another usage, a leaf as issuer and a wrong signature', () => {
    const key = pki.leafKey;
    const client = mintNewLeaf({
      commonName: 'client',
      extendedKeyUsages: ['clientAuth'],
      issuer,
      key,
      validity: validityLike(pki.oldLeaf, { now, notAfterMax: pki.newCa.notAfter }),
    });
    expect(verifyChain([client], [pki.newCa], { purpose: 'client', at: now })).toBeUndefined();
    expect(verifyChain([client], [pki.newCa], { purpose: 'server', at: now })).toMatch(/lacks serverAuth/);
    const below = {
      ...fieldsOf(client.der),
      issuer: fieldsOf(pki.leaf.der).subject,
      validity: client,
      extensions: [],
    };
    const signedByLeaf = assemble(below, key.privatePem);
    expect(verifyChain([signedByLeaf], [pki.leaf], { purpose: 'client', at: now })).toMatch(/not a CA/);
    const forged = assemble({ ...below, issuer: fieldsOf(pki.newCa.der).subject }, key.privatePem);
    expect(verifyChain([forged], [pki.newCa], { purpose: 'client', at: now })).toMatch(
      /not signed by the key/,
    );
  });

  it('accepts a leaf that is its own anchor, as a self-signed serving certificate', () => {
    expect(verifyChain([pki.leaf], [pki.leaf], { purpose: 'server', at: now })).toBeUndefined();
  });
});

describe('pathlen:0', () => {
  it('is an obstacle to a bridge, and both OpenSSL and we refuse a bridge made all the same', async () => {
    const pki = rotated(await threeKeys({ type: 'ec', curve: 'prime256v1' }), 'sha1');
    const limited = await withPathLengthZero(pki);
    expect(bridgeObstacle(limited, pki.oldCaKey.privatePem, new Date())).toMatch(/pathlen:0/);
    const fields = fieldsOf(pki.bridge.der);
    const extensions = fields.extensions.map(({ whole }) => whole);
    const bridge = assemble({ ...fields, validity: pki.bridge, extensions }, pki.oldCaKey.privatePem);
    const question = {
      leaf: pki.leaf,
      untrusted: [bridge],
      anchors: [limited],
      purpose: 'sslserver',
    } as const;
    expect(await opensslRefusal(question)).toMatch(/path length constraint/);
    expect(verifyChain([pki.leaf, bridge], [limited], { purpose: 'server', at: new Date() })).toMatch(
      /pathlen:0 forbids/,
    );
  });
});

const stack = join(import.meta.dirname, '../../../shared/fixtures/stack-3-masters/apimodel.json');

describe('a PKI that aks-engine made (skipped where ../shared/fixtures is absent)', () => {
  it.skipIf(!existsSync(stack))('is replaced without losing a name, a usage or a client', async () => {
    const text = await readFile(stack, 'utf8');
    const { properties } = JSON.parse(text) as { properties: { certificateProfile: Record<string, string> } };
    const pem = (field: string): string => properties.certificateProfile[field] ?? '';
    const oldCa = parseCertificate(pem('caCertificate'), 'caCertificate');
    const [caKey, key] = await Promise.all([
      generateKey({ type: 'rsa', bits: 2048 }),
      generateKey({ type: 'rsa', bits: 2048 }),
    ]);
    const validity = validityLike(oldCa, { now });
    const newCa = mintAuthority({ like: oldCa, commonName: newCaCommonName(now), key: caKey, validity });
    expect(newCa.keyUsages).toEqual([...oldCa.keyUsages, 'cRLSign']);
    const bridge = mintBridge({ newCa, oldCa, oldCaKey: pem('caPrivateKey'), validity });
    const issuer = { certificate: newCa, privatePem: caKey.privatePem };
    for (const name of ['apiServer', 'client', 'kubeConfig', 'etcdServer', 'etcdClient']) {
      const like = parseCertificate(pem(`${name}Certificate`), name);
      const purpose = like.extendedKeyUsages.includes('serverAuth') ? 'server' : 'client';
      expect(verifyChain([like], [oldCa], { purpose, at: now })).toBeUndefined();
      const leaf = mintLeaf({
        like,
        issuer,
        key,
        validity: validityLike(like, { now, notAfterMax: newCa.notAfter }),
      });
      expect(differences(like, leaf)).toEqual({
        sansLost: [],
        sansAdded: [],
        usagesLost: [],
        usagesAdded: [],
      });
      for (const anchors of [[oldCa], [newCa], [newCa, oldCa]]) {
        expect(await opensslRefusal({ leaf, untrusted: [bridge], anchors, purpose: `ssl${purpose}` })).toBe(
          '',
        );
        expect(verifyChain([leaf, bridge], anchors, { purpose, at: now })).toBeUndefined();
      }
    }
  });
});

/** The old CA with the same key and name, but made by OpenSSL with a path length of 0. */
async function withPathLengthZero({ oldCaKey }: Pki): Promise<Certificate> {
  const keyFile = join(folder, 'pathlen.key');
  await writeFile(keyFile, oldCaKey.privatePem, { mode: 0o600 });
  const args = ['req', '-x509', '-new', '-key', keyFile, '-subj', '/CN=ca', '-days', '3650'];
  const extensions = ['-addext', 'basicConstraints=critical,CA:TRUE,pathlen:0'];
  const pem = await new Promise<string>((resolve, reject) => {
    execFile('openssl', [...args, ...extensions], (error, stdout) =>
      error ? reject(new Error('openssl req', { cause: error })) : resolve(stdout),
    );
  });
  return parseCertificate(pem, 'openssl req');
}
