import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ssh2 from 'ssh2';
import { afterAll, describe, expect, it } from 'vitest';
import { readPrivateKey } from './key.js';
import { newKeyPair } from './testing/key-pair.js';

const root = mkdtempSync(join(tmpdir(), 'keyroll-key-'));
afterAll(() => rmSync(root, { recursive: true }));

function file(text: string): string {
  const path = join(root, `key-${Math.random()}`);
  writeFileSync(path, text, { mode: 0o600 });
  return path;
}

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
const ed25519 = generateKeyPairSync('ed25519').privateKey;
const pem = (key: typeof rsa, type: 'pkcs1' | 'pkcs8' | 'sec1'): string =>
  key.export({ type, format: 'pem' }).toString();

const passphrase = 'open sesame';
const encrypted = (key: typeof rsa, type: 'pkcs1' | 'pkcs8' | 'sec1'): string =>
  key.export({ type, format: 'pem', cipher: 'aes-256-cbc', passphrase }).toString();
const openssh = newKeyPair(passphrase);

describe('an encrypted key', () => {
  it.each([
    ['OpenSSH', openssh.private],
    ['PKCS#1', encrypted(rsa, 'pkcs1')],
    ['SEC1', encrypted(ec, 'sec1')],
    ['PKCS#8', encrypted(rsa, 'pkcs8')],
  ])('in the form %s is opened by its passphrase, which is asked for once', async (_name, text) => {
    let asked = 0;
    const path = file(text);
    const key = await readPrivateKey(path, () => Promise.resolve(((asked += 1), passphrase)));
    expect(ssh2.utils.parseKey(key.text, key.passphrase)).not.toBeInstanceOf(Error);
    expect(asked).toBe(1);
    const wrong = readPrivateKey(path, () => Promise.resolve('wrong one'));
    await expect(wrong).rejects.toThrow(/cannot be decrypted with the given passphrase .*ssh-keygen -y -f/);
    await expect(wrong).rejects.not.toThrow(/wrong one/);
  });
  it('is no reason to ask when it is not encrypted', async () => {
    await readPrivateKey(file(pem(ec, 'sec1')), () => Promise.reject(new Error('asked')));
  });
});

describe('readPrivateKey', () => {
  it.each([
    ['OpenSSH', newKeyPair().private],
    ['PKCS#1', pem(rsa, 'pkcs1')],
    ['SEC1', pem(ec, 'sec1')],
    ['PKCS#8 RSA', pem(rsa, 'pkcs8')],
    ['PKCS#8 EC', pem(ec, 'pkcs8')],
  ])('reads %s so that the SSH library takes it', async (_name, text) => {
    const parsed = ssh2.utils.parseKey((await readPrivateKey(file(text))).text);
    expect(parsed).not.toBeInstanceOf(Error);
  });

  it.each([
    ['a missing file', join(root, 'missing'), 'ENOENT'],
    ['a folder', root, 'EISDIR'],
    ['a public key', file(newKeyPair().public), 'a public key'],
    ['something else', file('hello'), 'no PEM private key'],
    [
      'a broken key',
      file('-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n'),
      'cannot be used',
    ],
    ['broken PKCS#8', file('-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n'), 'malformed'],
    ['PKCS#8 of a type ssh2 cannot take', file(pem(ed25519, 'pkcs8')), 'ssh-keygen -p -f'],
    ['encrypted PKCS#8', file('-----BEGIN ENCRYPTED PRIVATE KEY-----\n'), 'is encrypted'],
    ['encrypted OpenSSH', file(newKeyPair('x').private), 'is encrypted'],
  ])('names the file and the reason for %s', async (_name, path, reason) => {
    await expect(readPrivateKey(path)).rejects.toThrow(reason);
    await expect(readPrivateKey(path)).rejects.toThrow(path);
  });
});
