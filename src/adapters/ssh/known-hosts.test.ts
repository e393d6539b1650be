import { createHmac, randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ssh2 from 'ssh2';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { matchesHost, parseKnownHosts } from './known-hosts-file.js';
import { HostKeyError, HostKeys, fingerprint } from './known-hosts.js';
import { newKeyPair } from './testing/key-pair.js';

const root = mkdtempSync(join(tmpdir(), 'keyroll-known-hosts-'));
afterAll(() => rmSync(root, { recursive: true }));

function newKey(type: 'ecdsa' | 'rsa' = 'ecdsa'): { line: string; key: Buffer } {
  const pair = type === 'rsa' ? ssh2.utils.generateKeyPairSync('rsa', { bits: 2048 }) : newKeyPair();
  const line = pair.public.trim();
  return { line, key: Buffer.from(line.split(' ')[1] ?? '', 'base64') };
}

function hashed(host: string): string {
  const salt = randomBytes(20);
  return `|1|${salt.toString('base64')}|${createHmac('sha1', salt).update(host).digest('base64')}`;
}

const first = newKey();
const second = newKey();
const rsa = newKey('rsa');
const node = { name: 'k8s-master-1', port: 22, address: '10.240.255.6' };

let folder = '';
let own = '';
let user = '';
beforeEach(() => {
  folder = mkdtempSync(join(root, 'case-'));
  own = join(folder, 'state', 'known_hosts');
  user = join(folder, 'user_known_hosts');
});

function withUserFile(text: string, strict = false): HostKeys {
  writeFileSync(user, text);
  return new HostKeys({ own, user, strict });
}

function refusal(action: () => unknown): HostKeyError {
  try {
    action();
  } catch (error) {
    if (error instanceof HostKeyError) return error;
    throw error;
  }
  throw new Error('the key was not refused');
}

describe('matchesHost', () => {
  it.each([
    ['a,b', 'b', true],
    ['a,b', 'c', false],
    ['NODE', 'node', true],
    ['k8s-*', 'k8s-master-0', true],
    ['10.0.0.?', '10.0.0.7', true],
    ['10.0.0.?', '10.0.0.77', false],
    ['a.b', 'axb', false],
    ['*,!k8s-master-0', 'k8s-master-0', false],
    ['*,!k8s-master-0', 'k8s-master-1', true],
    ['!k8s-master-0', 'k8s-master-1', false],
    ['[host]:2222', '[host]:2222', true],
    ['[host]:2222', 'host', false],
    [hashed('host'), 'host', true],
    [hashed('[host]:2222'), '[host]:2222', true],
    [hashed('host'), 'other', false],
    ['|2|AAAA|AAAA', 'host', false],
  ])('%s for %s: %s', (hosts, host, expected) => {
    expect(matchesHost(hosts, host)).toBe(expected);
  });
});

describe('parseKnownHosts', () => {
  it('passes over what it cannot use, with file, line and reason', () => {
    const text = [
      '# comment',
      '',
      `@cert-authority * ${first.line}`,
      `@other h ${first.line}`,
      'h ssh-rsa',
      'h ssh-rsa AAAA',
    ];
    const { lines, ignored } = parseKnownHosts(text.join('\n'), 'F');
    expect(lines).toEqual([]);
    expect(ignored.map(({ file, line }) => `${file}:${line}`)).toEqual(['F:3', 'F:4', 'F:5', 'F:6']);
    expect(ignored[0]?.reason).toContain('certificates are not used');
  });
});

describe('HostKeys', () => {
  it('knows a key by name, by address and by hash, and changes no file of the operator', () => {
    for (const hosts of ['k8s-master-1', '10.240.255.6', hashed('k8s-master-1'), 'x,k8s-master-*']) {
      const text = `${hosts} ${first.line}\n`;
      const keys = withUserFile(text);
      expect(keys.decide(node, first.key)).toBe('known');
      keys.record(node, first.key);
      expect(readFileSync(user, 'utf8')).toBe(text);
    }
    expect(() => statSync(own)).toThrow('ENOENT');
  });

  it('refuses a changed key and names both fingerprints, file and line', () => {
    const keys = withUserFile(`# mine\nk8s-master-1 ${first.line}\n`);
    const error = refusal(() => keys.decide(node, second.key));
    expect(error.kind).toBe('changed');
    for (const part of [
      'host k8s-master-1:',
      fingerprint(first.key),
      fingerprint(second.key),
      `${user}:2`,
      'nothing was sent',
    ])
      expect(error.message).toContain(part);
  });

  it('refuses a key of another type than the known one', () => {
    const keys = withUserFile(`k8s-master-1 ${rsa.line}\n`);
    expect(keys.algorithms(node)).toEqual(['rsa-sha2-512', 'rsa-sha2-256']);
    expect(refusal(() => keys.decide(node, first.key)).kind).toBe('changed');
    expect(keys.noKnownType(node)?.message).toContain(fingerprint(rsa.key));
  });

  it('refuses a revoked key even when another line vouches for it', () => {
    const keys = withUserFile(`k8s-master-1 ${first.line}\n@revoked * ${first.line}\n`);
    const error = refusal(() => keys.decide(node, first.key));
    expect(error.kind).toBe('revoked');
    expect(error.message).toContain(`${user}:2`);
    expect(keys.decide(node, second.key)).toBe('unknown');
  });

  it('accepts any of several known keys', () => {
    const keys = withUserFile(`k8s-master-1 ${first.line}\nk8s-master-1 ${second.line}\n`);
    expect(keys.decide(node, second.key)).toBe('known');
  });

  it('records an unknown key by name, 0600, keeps what was there, and reports it once', () => {
    const keys = new HostKeys({ own });
    keys.record({ name: 'jump', port: 50001 }, second.key);
    keys.record(node, first.key);
    keys.record(node, first.key);
    expect(readFileSync(own, 'utf8')).toBe(`[jump]:50001 ${second.line}\nk8s-master-1 ${first.line}\n`);
    expect(statSync(own).mode & 0o777).toBe(0o600);
    expect(keys.recorded.map((each) => each.host)).toEqual(['[jump]:50001', 'k8s-master-1']);
    expect(keys.recorded[1]).toMatchObject({
      type: 'ecdsa-sha2-nistp256',
      fingerprint: fingerprint(first.key),
    });
    expect(new HostKeys({ own }).decide(node, first.key)).toBe('known');
    expect(refusal(() => new HostKeys({ own }).decide(node, second.key)).kind).toBe('changed');
  });

  it('does not take another cluster with the same address for a changed host', () => {
    const keys = new HostKeys({ own });
    keys.record(node, first.key);
    expect(keys.decide({ ...node, name: 'k8s-master-of-another-cluster' }, second.key)).toBe('unknown');
  });

  it('refuses an unknown key when strict, and says its fingerprint', () => {
    const error = refusal(() => withUserFile('', true).decide(node, first.key));
    expect(error.kind).toBe('unknown');
    expect(error.message).toContain(fingerprint(first.key));
  });

  it('takes keys from the file of --known-hosts, which must exist', () => {
    const extra = join(folder, 'extra');
    expect(() => new HostKeys({ own, extra })).toThrow(`${extra}: the known hosts cannot be read`);
    writeFileSync(extra, `k8s-master-1 ${first.line}\n`);
    expect(new HostKeys({ own, extra, strict: true }).decide(node, first.key)).toBe('known');
  });

  it('rejects a name that would change the meaning of a line', () => {
    expect(() => new HostKeys({ own }).record({ name: '*', port: 22 }, first.key)).toThrow('not a host name');
  });
});
