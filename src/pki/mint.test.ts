import { execFile, type ExecFileException } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  bridgeObstacle,
  bundle,
  differences,
  generateKey,
  matches,
  mintAuthority,
  mintBridge,
  mintLeaf,
  mintNewLeaf,
  mintSelfSigned,
  newCaCommonName,
  parseCertificate,
  parseCertificates,
  PkiError,
  publicKeyFingerprint,
  validityLike,
  type Certificate,
  type KeyPair,
} from './index.js';

/** Finding RSA primes on a busy machine takes as long as it takes. */
const KEY_TIMEOUT_MS = 120_000;
const now = new Date();
const until = (year: number): { notBefore: Date; notAfter: Date } => ({
  notBefore: new Date(now.getTime() - 24 * 3600 * 1000),
  notAfter: new Date(Date.UTC(year, 11, 31, 23, 59, 59)),
});

let folder: string;
let caKey: KeyPair;
let ca: Certificate;
let key: KeyPair;
let keyFile: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keyroll-mint-'));
  [caKey, key] = await Promise.all([
    generateKey({ type: 'ec', curve: 'prime256v1' }),
    generateKey({ type: 'rsa', bits: 2048 }),
  ]);
  keyFile = join(folder, 'key.pem');
  await writeFile(keyFile, key.privatePem, { mode: 0o600 });
  ca = mintAuthority({ commonName: 'ca', key: caKey, validity: until(2056) });
}, KEY_TIMEOUT_MS);
afterAll(() => rm(folder, { recursive: true }));

/** Runs openssl and gives what it prints. A command that reads no input gets none, or the pipe breaks. */
function openssl(args: readonly string[], input?: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const done = (error: ExecFileException | null, stdout: string, stderr: string): void =>
      error ? reject(new Error(`openssl ${args.join(' ')}: ${stderr}`, { cause: error })) : resolve(stdout);
    const { stdin } = execFile('openssl', args, done);
    if (input !== undefined) stdin?.end(input);
  });
}

const issuer = (): { certificate: Certificate; privatePem: string } => ({
  certificate: ca,
  privatePem: caKey.privatePem,
});

describe('mintLeaf', () => {
  it('keeps the bytes of the subject, the order of the alternative names and all usages', async () => {
    const subject = '/O=system:masters/O=second/OU=unit/CN=Grüße';
    const sans =
      'subjectAltName=IP:10.0.0.1,DNS:b.example,URI:spiffe://x/y,DNS:a.example,IP:fd00::1,email:x@y.z';
    const usages = ['keyUsage=critical,digitalSignature', 'extendedKeyUsage=serverAuth,1.2.3.4'];
    const extensions = [sans, ...usages, 'basicConstraints=critical,CA:FALSE'].flatMap((one) => [
      '-addext',
      one,
    ]);
    const args = ['req', '-x509', '-utf8', '-key', keyFile, '-subj', subject, '-days', '30', ...extensions];
    const like = parseCertificate(await openssl(args), 'like');
    const leaf = mintLeaf({ like, issuer: issuer(), key, validity: validityLike(like, { now }) });
    expect(differences(like, leaf)).toEqual({ sansLost: [], sansAdded: [], usagesLost: [], usagesAdded: [] });
    expect(leaf.sans).toEqual(like.sans);
    expect(leaf.sans).toHaveLength(6);
    expect(leaf.subject).toBe(like.subject);
    expect(leaf.keyUsages).toEqual(['digitalSignature']);
    expect(leaf.extendedKeyUsages).toEqual(['serverAuth', '1.2.3.4']);
    expect(leaf.authorityKeyId).toBe(ca.subjectKeyId);
    expect(leaf.serial).toMatch(/^[4-7][0-9a-f]{39}$/);
  });

  it('adds extra names at the end, each once, IPv6 in any spelling', () => {
    const like = mintNewLeaf({
      commonName: 'apiserver',
      sans: ['localhost', '10.0.0.1', 'FD00:0:0::1'],
      extendedKeyUsages: ['serverAuth'],
      issuer: issuer(),
      key,
      validity: until(2050),
    });
    const extraSans = ['fd00::1', 'api.example.org', 'localhost', '10.0.0.2', '10.0.0.2', '::ffff:10.0.0.9'];
    const leaf = mintLeaf({ like, extraSans, issuer: issuer(), key, validity: until(2050) });
    const added = ['DNS:api.example.org', 'IP:10.0.0.2', 'IP:::ffff:10.0.0.9'];
    expect(leaf.sans).toEqual(['DNS:localhost', 'IP:10.0.0.1', 'IP:fd00::1', ...added]);
    expect(differences(like, leaf).sansAdded).toEqual(added);
    expect(differences(leaf, like).sansLost).toEqual(added);
  });

  it('replaces a version 1 certificate by one that says it is no CA', async () => {
    const request = join(folder, 'proxy.csr');
    await writeFile(request, await openssl(['req', '-new', '-key', keyFile, '-subj', '/CN=aggregator']));
    const v1 = ['x509', '-req', '-in', request, '-signkey', keyFile, '-days', '10', '-set_serial', '02'];
    const like = parseCertificate(await openssl(v1), 'proxy.crt');
    expect(like.sans).toEqual([]);
    const leaf = mintLeaf({ like, issuer: issuer(), key, validity: validityLike(like, { now }) });
    expect(await openssl(['x509', '-noout', '-ext', 'basicConstraints'], leaf.pem)).toContain('CA:FALSE');
    expect(leaf.subject).toBe('CN=aggregator');
    expect(leaf.serial).not.toBe(like.serial);
  });

  it('refuses to outlive its CA, a CA as pattern and a key of another CA', () => {
    const like = mintNewLeaf({
      commonName: 'x',
      extendedKeyUsages: [],
      issuer: issuer(),
      key,
      validity: until(2050),
    });
    expect(() => mintLeaf({ like, issuer: issuer(), key, validity: until(2057) })).toThrow(
      /would outlive its CA/,
    );
    expect(() => mintLeaf({ like: ca, issuer: issuer(), key, validity: until(2050) })).toThrow(/found a CA/);
    const wrong = { certificate: ca, privatePem: key.privatePem };
    expect(() => mintLeaf({ like, issuer: wrong, key, validity: until(2050) })).toThrow(
      /does not belong to this CA/,
    );
  });

  it('writes years from 2050 on as GeneralizedTime and earlier ones as UTCTime', async () => {
    const leaf = (year: number): Certificate =>
      mintNewLeaf({ commonName: 'x', extendedKeyUsages: [], issuer: issuer(), key, validity: until(year) });
    expect(await openssl(['asn1parse'], leaf(2049).pem)).toMatch(/UTCTIME\s+:491231235959Z/);
    expect(await openssl(['asn1parse'], leaf(2050).pem)).toMatch(/GENERALIZEDTIME\s+:20501231235959Z/);
    expect(await openssl(['x509', '-noout', '-enddate'], leaf(2055).pem)).toBe(
      'notAfter=Dec 31 23:59:59 2055 GMT\n',
    );
    expect(leaf(2055).notAfter).toEqual(until(2055).notAfter);
  });
});

describe('mintSelfSigned', () => {
  it('makes a kubelet serving certificate as openssl req made the old one', async () => {
    const args = ['req', '-new', '-x509', '-key', keyFile, '-days', '7300', '-subj', '/CN=k8s-master-0'];
    const like = parseCertificate(await openssl(args), 'kubeletserver.crt');
    const newKey = await generateKey({ type: 'rsa', bits: 2048 });
    const made = mintSelfSigned({ like, key: newKey, validity: validityLike(like, { now: new Date() }) });
    expect(made).toMatchObject({ subject: 'CN=k8s-master-0', issuer: 'CN=k8s-master-0', isCa: like.isCa });
    expect(made.authorityKeyId).toBe(made.subjectKeyId);
    expect(made.publicKeyFingerprint).toBe(newKey.fingerprint);
    const file = join(folder, 'self.pem');
    await writeFile(file, made.pem);
    expect(await openssl(['verify', '-x509_strict', '-CAfile', file, file])).toContain('OK');
  });
});

describe('mintAuthority', () => {
  it('keeps the subject but for the common name, and adds what a CA needs to the old key usage', async () => {
    const usage = ['-addext', 'keyUsage=critical,digitalSignature,keyEncipherment,keyCertSign'];
    const args = ['req', '-x509', '-key', keyFile, '-subj', '/C=DE/O=Lab/CN=ca', '-days', '30', ...usage];
    const old = parseCertificate(await openssl(args), 'ca.crt');
    const made = mintAuthority({ like: old, commonName: 'ca-2', key: caKey, validity: until(2040) });
    expect(made.subject).toBe('C=DE, O=Lab, CN=ca-2');
    expect(made.keyUsages).toEqual(['digitalSignature', 'keyEncipherment', 'keyCertSign', 'cRLSign']);
    expect(made).toMatchObject({ isCa: true, issuer: made.subject });
    expect(made.pathLength).toBeUndefined();
    const text = await openssl(['x509', '-noout', '-ext', 'keyUsage,basicConstraints'], made.pem);
    expect(text.match(/critical/g)).toHaveLength(2);
  });

  it('names CAs by day and chance', () => {
    const day = new Date('2026-11-24T23:59:59Z');
    expect(newCaCommonName(day)).toMatch(/^ca-20261124-[0-9a-f]{6}$/);
    expect(newCaCommonName(day, 'proxy-ca')).toMatch(/^proxy-ca-20261124-[0-9a-f]{6}$/);
    expect(newCaCommonName(day)).not.toBe(newCaCommonName(day));
  });
});

describe('mintBridge', () => {
  it('carries the new CA under the name of the old one and outlives neither', () => {
    const newCa = mintAuthority({ like: ca, commonName: 'ca-new', key, validity: until(2070) });
    const bridge = mintBridge({ newCa, oldCa: ca, oldCaKey: caKey.privatePem, validity: until(2080) });
    expect(bridge).toMatchObject({ subject: 'CN=ca-new', issuer: 'CN=ca', subjectKeyId: newCa.subjectKeyId });
    expect(bridge.publicKeyFingerprint).toBe(newCa.publicKeyFingerprint);
    expect(bridge.notAfter).toEqual(ca.notAfter);
  });

  it('is refused with the reason', () => {
    const bridge = { newCa: ca, oldCa: ca, oldCaKey: caKey.privatePem, validity: until(2050) };
    expect(() => mintBridge(bridge)).toThrow(/both CAs have the subject CN=ca/);
    expect(() => mintBridge({ ...bridge, oldCaKey: '' })).toThrow(/missing/);
    expect(bridgeObstacle(ca, caKey.privatePem, now)).toBeUndefined();
    expect(bridgeObstacle(ca, undefined, now)).toMatch(/missing/);
    expect(bridgeObstacle(ca, key.privatePem, now)).toMatch(/does not belong/);
    expect(bridgeObstacle(ca, 'no key', now)).toMatch(/6 characters without a PEM block/);
    expect(bridgeObstacle(ca, caKey.privatePem, new Date(Date.UTC(2057, 0)))).toMatch(/expired on 2056/);
  });
});

describe('validityLike', () => {
  const old = { notBefore: new Date('2020-01-01T00:00:00Z'), notAfter: new Date('2022-01-01T00:00:00Z') };
  const at = new Date('2026-11-24T12:00:00.500Z');

  it('lasts as long as the old one was made to last, from 10 minutes ago', () => {
    const { notBefore, notAfter } = validityLike(old, { now: at });
    expect(notBefore.toISOString()).toBe('2026-11-24T11:50:00.000Z');
    expect(notAfter.getTime() - notBefore.getTime()).toBe(731 * 24 * 3600 * 1000);
  });

  it('obeys an override and the end of the CA', () => {
    expect(validityLike(old, { now: at, override: 60_000 }).notAfter.toISOString()).toBe(
      '2026-11-24T12:01:00.000Z',
    );
    const notAfterMax = new Date('2027-01-01T00:00:00Z');
    expect(validityLike(old, { now: at, notAfterMax }).notAfter).toEqual(notAfterMax);
    expect(() => validityLike(old, { now: at, notAfterMax: old.notAfter })).toThrow(/expired at once/);
  });
});

describe('keys', () => {
  it('are PKCS#1 or SEC1 and recognized from either half', async () => {
    const ec = await generateKey({ type: 'ec', curve: 'secp384r1' });
    expect(key.privatePem).toMatch(
      /^-----BEGIN RSA PRIVATE KEY-----\n[^]*\n-----END RSA PRIVATE KEY-----\n$/,
    );
    expect(ec.privatePem).toMatch(/^-----BEGIN EC PRIVATE KEY-----\n[^]*\n-----END EC PRIVATE KEY-----\n$/);
    expect(ec.publicPem).toMatch(/^-----BEGIN PUBLIC KEY-----\n[^]*[^\n]\n$/);
    for (const pair of [key, ec]) {
      expect(publicKeyFingerprint(pair.privatePem)).toBe(pair.fingerprint);
      expect(publicKeyFingerprint(pair.publicPem)).toBe(pair.fingerprint);
    }
    expect(ca.publicKeyFingerprint).toBe(caKey.fingerprint);
    expect(matches(ca, caKey.privatePem)).toBe(true);
    expect(matches(ca, key.privatePem)).toBe(false);
  });

  it('never appear in an error', () => {
    const broken = key.privatePem.replace('RSA PRIVATE', 'EC PRIVATE').replace('MII', 'MIJ');
    const body = key.privatePem.split('\n').slice(1, 20);
    for (const pem of [broken, body.join('\n')]) {
      const error = caught(() => publicKeyFingerprint(pem, 'ca.key'));
      expect(error).toBeInstanceOf(PkiError);
      expect(error.message).toMatch(/^ca\.key: found .*; expected an unencrypted RSA or EC key in PEM$/);
      for (const line of body) expect(String(error.cause) + error.message).not.toContain(line);
    }
  });
});

describe('reading', () => {
  it('says where, what was found and what was expected', () => {
    expect(() => parseCertificates('', 'ca.crt')).toThrow(
      /^ca\.crt: found an empty text; expected at least one/,
    );
    expect(() => parseCertificates(caKey.privatePem, 'ca.crt')).toThrow(/found PEM of EC PRIVATE KEY/);
    expect(() => parseCertificates(ca.pem.trimEnd() + ca.pem, 'x')).toThrow(
      /found 2 PEM block\(s\).* but 1 whole/,
    );
    const cut = ca.pem.replace(/\n[^\n]+\n-----END/, '\n-----END');
    expect(() => parseCertificates(ca.pem + cut, 'x')).toThrow(/^x: certificate 2 of 2: /);
    expect(() => parseCertificate(bundle(ca.pem, ca.pem), 'x')).toThrow(
      /found 2 certificates; expected exactly one/,
    );
  });

  it('passes over keys, text and line ends of other systems', () => {
    const pem = `Bag Attributes\n${caKey.privatePem}subject=CN = ca\n${ca.pem}`
      .replaceAll('\n', '\r\n')
      .trimEnd();
    expect(parseCertificates(pem, 'x').map((one) => one.pem)).toEqual([ca.pem]);
  });

  it('joins with exactly one newline', () => {
    expect(bundle(ca.pem.trimEnd(), `\n\n${ca.pem}\n\n`)).toBe(ca.pem + ca.pem);
    expect(() => bundle(ca.pem, 'nothing')).toThrow(/bundle part 2/);
  });
});

function caught(action: () => unknown): Error {
  try {
    action();
  } catch (error) {
    if (error instanceof Error) return error;
  }
  throw new Error('expected an error');
}
