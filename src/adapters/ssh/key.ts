import { type KeyObject, createPrivateKey } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { describe } from './error.js';

/**
 * Reads an unencrypted SSH private key for `openFleet`: OpenSSH, PKCS#1 and SEC1 as they are, PKCS#8 converted.
 * @param path with `~` already expanded
 * @throws Error naming the file when it cannot be read, is encrypted or is no private key
 */
export async function readPrivateKey(path: string): Promise<string> {
  const text = await readText(path);
  if (isEncrypted(text)) throw new Error(`${path}: ${encryptedText(path)}`);
  if (!text.includes('PRIVATE KEY-----')) throw new Error(`${path}: ${notAKeyText(text)}`);
  const key = text.includes('-----BEGIN PRIVATE KEY-----') ? fromPkcs8(text, path) : text;
  await check(key, path);
  return key;
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const next = 'name a readable private key with --linux-ssh-private-key';
    throw new Error(`${path}: the SSH private key cannot be read (${describe(error)}); ${next}`, {
      cause: error,
    });
  }
}

function isEncrypted(text: string): boolean {
  return text.includes('BEGIN ENCRYPTED PRIVATE KEY') || /^Proc-Type: 4,ENCRYPTED/m.test(text);
}

function encryptedText(path: string): string {
  return `the SSH private key is encrypted; use one without a passphrase (a copy made with ssh-keygen -p -f ${path})`;
}

function notAKeyText(text: string): string {
  const found = /^(ssh-|ecdsa-|sk-)/.test(text) ? 'a public key' : 'no PEM private key';
  return `it holds ${found}; --linux-ssh-private-key needs an SSH private key (OpenSSH, PKCS#1, SEC1 or PKCS#8)`;
}

/** ssh2 takes no PKCS#8. */
function fromPkcs8(text: string, path: string): string {
  const key = parsePkcs8(text, path);
  if (key.asymmetricKeyType === 'rsa') return key.export({ type: 'pkcs1', format: 'pem' }).toString();
  if (key.asymmetricKeyType === 'ec') return key.export({ type: 'sec1', format: 'pem' }).toString();
  const next = `convert it with ssh-keygen -p -f ${path}`;
  throw new Error(`${path}: a ${key.asymmetricKeyType ?? ''} key in PKCS#8 cannot be used for SSH; ${next}`);
}

function parsePkcs8(text: string, path: string): KeyObject {
  try {
    return createPrivateKey(text);
  } catch (error) {
    throw new Error(`${path}: the PKCS#8 private key is malformed (${describe(error)})`, { cause: error });
  }
}

/** Has the SSH library read the key, so that a bad file is named here and not as a refused login later. */
async function check(key: string, path: string): Promise<void> {
  const { default: ssh2 } = await import('ssh2');
  const parsed = ssh2.utils.parseKey(key);
  if (!(parsed instanceof Error)) return;
  if (/encrypted|passphrase/i.test(parsed.message)) throw new Error(`${path}: ${encryptedText(path)}`);
  throw new Error(`${path}: the SSH private key cannot be used (${parsed.message})`, { cause: parsed });
}
