import { createHmac, timingSafeEqual } from 'node:crypto';

/** One usable line of a known_hosts file. */
export interface KnownHostLine {
  readonly file: string;
  readonly line: number;
  readonly revoked: boolean;
  readonly hosts: string;
  readonly type: string;
  readonly key: Buffer;
}

/** A line that was passed over, and why. */
export interface IgnoredLine {
  readonly file: string;
  readonly line: number;
  readonly reason: string;
}

export interface KnownHostsFile {
  readonly lines: readonly KnownHostLine[];
  readonly ignored: readonly IgnoredLine[];
}

/**
 * Reads the text of an OpenSSH known_hosts file (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT).
 * Lines that cannot be used are listed with the reason; as with OpenSSH they never make reading fail.
 * @param file only named in the result
 */
export function parseKnownHosts(text: string, file: string): KnownHostsFile {
  const lines: KnownHostLine[] = [];
  const ignored: IgnoredLine[] = [];
  text.split('\n').forEach((raw, index) => {
    const content = raw.trim();
    if (content === '' || content.startsWith('#')) return;
    const parsed = parseLine(content);
    const place = { file, line: index + 1 };
    if (typeof parsed === 'string') ignored.push({ ...place, reason: parsed });
    else lines.push({ ...place, ...parsed });
  });
  return { lines, ignored };
}

/** How a host is looked up and written: its name alone for port 22, else `[name]:port`. */
export function hostPattern(name: string, port: number): string {
  return port === 22 ? name : `[${name}]:${port}`;
}

/** Whether the host field of a line (a comma list with wildcards and negation, or one hash) names this host. */
export function matchesHost(hosts: string, host: string): boolean {
  const wanted = host.toLowerCase();
  if (hosts.startsWith('|')) return matchesHash(hosts, wanted);
  const patterns = hosts.toLowerCase().split(',');
  const negated = patterns.filter((pattern) => pattern.startsWith('!'));
  if (negated.some((pattern) => matchesPattern(pattern.slice(1), wanted))) return false;
  return patterns.some((pattern) => !pattern.startsWith('!') && matchesPattern(pattern, wanted));
}

/** The line that records a key, with its newline. @throws Error for a name that would change the line's meaning */
export function knownHostLine(pattern: string, type: string, key: Buffer): string {
  if (!/^[A-Za-z0-9._:[\]-]+$/.test(pattern)) throw new Error(`"${pattern}" is not a host name or address`);
  return `${pattern} ${type} ${key.toString('base64')}\n`;
}

/** The key type that a public key in SSH wire format names, such as `ssh-ed25519`; '' when it is malformed. */
export function keyType(key: Buffer): string {
  if (key.length < 4) return '';
  const length = key.readUInt32BE(0);
  return length > key.length - 4 ? '' : key.toString('latin1', 4, 4 + length);
}

function parseLine(content: string): Omit<KnownHostLine, 'file' | 'line'> | string {
  const fields = content.split(/[ \t]+/);
  const marker = fields[0]?.startsWith('@') === true ? fields.shift() : undefined;
  if (marker === '@cert-authority') return '@cert-authority: host certificates are not used';
  if (marker !== undefined && marker !== '@revoked') return `the marker ${marker} is not known`;
  const [hosts, type, base64] = fields;
  if (hosts === undefined || type === undefined || base64 === undefined)
    return 'it is not "hosts type key" (three fields)';
  const key = Buffer.from(base64, 'base64');
  if (keyType(key) !== type) return `the key is not base64 of a key of type ${type}`;
  return { revoked: marker === '@revoked', hosts, type, key };
}

function matchesHash(hash: string, host: string): boolean {
  const [, version, salt, expected] = hash.split('|');
  if (version !== '1' || salt === undefined || expected === undefined) return false;
  const actual = createHmac('sha1', Buffer.from(salt, 'base64')).update(host).digest();
  const wanted = Buffer.from(expected, 'base64');
  return wanted.length === actual.length && timingSafeEqual(wanted, actual);
}

function matchesPattern(pattern: string, host: string): boolean {
  if (!/[*?]/.test(pattern)) return pattern === host;
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${source}$`, 's').test(host);
}
