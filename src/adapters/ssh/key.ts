import { type KeyObject, createPrivateKey } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { describe, LoginError } from './error.js';

/** A private key as the SSH library takes it; `passphrase` when the text is still encrypted. */
export interface SshKey {
  readonly text: string;
  readonly passphrase?: string;
}

/**
 * Reads an SSH private key for `openFleet`: OpenSSH, PKCS#1 and SEC1 as they are, PKCS#8 converted.
 * @param path with `~` already expanded
 * @param passphrase asked once, and only when the key is encrypted; left out when there is no way to get one
 * @throws Error naming the file when it cannot be read, cannot be decrypted or is no private key
 */
export async function readPrivateKey(path: string, passphrase?: () => Promise<string>): Promise<SshKey> {
  const text = await readText(path);
  if (!text.includes('PRIVATE KEY-----')) throw new LoginError(`${path}: ${notAKeyText(text)}`);
  const encrypted = await isEncrypted(text);
  if (encrypted && !passphrase) throw new LoginError(`${path}: ${encryptedText}`);
  const secret = encrypted ? await passphrase?.() : undefined;
  const key = plainKey(text, path, secret);
  await check(key, path);
  return key;
}

/** ssh2 decrypts OpenSSH's own form; the others are decrypted here. */
function plainKey(text: string, path: string, secret: string | undefined): SshKey {
  const pkcs8 = /-----BEGIN (ENCRYPTED )?PRIVATE KEY-----/.test(text);
  const foreign = pkcs8 || (secret !== undefined && !text.includes('BEGIN OPENSSH'));
  if (foreign) return { text: asSshTakesIt(text, path, secret) };
  return { text, ...(secret === undefined ? {} : { passphrase: secret }) };
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const next = 'name a readable private key with --linux-ssh-private-key';
    throw new LoginError(`${path}: the SSH private key cannot be read (${describe(error)}); ${next}`, {
      cause: error,
    });
  }
}

async function isEncrypted(text: string): Promise<boolean> {
  if (/BEGIN ENCRYPTED PRIVATE KEY|^Proc-Type: 4,ENCRYPTED/m.test(text)) return true;
  if (!text.includes('BEGIN OPENSSH')) return false;
  const { default: ssh2 } = await import('ssh2');
  const parsed = ssh2.utils.parseKey(text);
  return parsed instanceof Error && /encrypted|passphrase/i.test(parsed.message);
}

const encryptedText =
  'the SSH private key is encrypted, and there is no terminal to ask for its passphrase; ' +
  'give --ssh-passphrase-file FILE, or load the key into an agent and give --ssh-agent';

function notAKeyText(text: string): string {
  const found = /^(ssh-|ecdsa-|sk-)/.test(text) ? 'a public key' : 'no PEM private key';
  return `it holds ${found}; --linux-ssh-private-key needs an SSH private key (OpenSSH, PKCS#1, SEC1 or PKCS#8)`;
}

/** ssh2 takes no PKCS#8. */
function asSshTakesIt(text: string, path: string, secret: string | undefined): string {
  const key = parsed(text, path, secret);
  if (key.asymmetricKeyType === 'rsa') return key.export({ type: 'pkcs1', format: 'pem' }).toString();
  if (key.asymmetricKeyType === 'ec') return key.export({ type: 'sec1', format: 'pem' }).toString();
  const next = `convert it with ssh-keygen -p -f ${path}`;
  throw new LoginError(
    `${path}: a ${key.asymmetricKeyType ?? ''} key in PKCS#8 cannot be used for SSH; ${next}`,
  );
}

function parsed(text: string, path: string, passphrase: string | undefined): KeyObject {
  try {
    return createPrivateKey(passphrase === undefined ? text : { key: text, passphrase });
  } catch (error) {
    if (passphrase !== undefined) throw wrongPassphrase(path, error);
    throw new LoginError(`${path}: the PKCS#8 private key is malformed (${describe(error)})`, {
      cause: error,
    });
  }
}

function wrongPassphrase(path: string, cause: unknown): Error {
  const what = 'the SSH private key cannot be decrypted with the given passphrase';
  return new LoginError(`${path}: ${what} (${describe(cause)}); try it with ssh-keygen -y -f ${path}`, {
    cause,
  });
}

/** Has the SSH library read the key, so that a bad file is named here and not as a refused login later. */
async function check({ text, passphrase }: SshKey, path: string): Promise<void> {
  const { default: ssh2 } = await import('ssh2');
  const result = ssh2.utils.parseKey(text, passphrase);
  if (!(result instanceof Error)) return;
  if (passphrase !== undefined) throw wrongPassphrase(path, result);
  throw new LoginError(`${path}: the SSH private key cannot be used (${result.message})`, { cause: result });
}
