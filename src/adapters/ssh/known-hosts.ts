import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { writeFileAtomically } from '../fs/write-file.js';
import { describe } from './error.js';
import {
  type IgnoredLine,
  type KnownHostLine,
  hostPattern,
  keyType,
  knownHostLine,
  matchesHost,
  parseKnownHosts,
} from './known-hosts-file.js';

/**
 * A host whose key is looked up. `address` is a second name, for which only the files of the operator are searched:
 * private addresses are the same in many clusters, so keyroll's own file records names alone.
 */
export interface HostName {
  readonly name: string;
  readonly port: number;
  readonly address?: string;
}

export interface HostKeysOptions {
  /** keyroll's own file; made with its folder when the first key is recorded. */
  readonly own: string;
  /** The file of `--known-hosts`; must be readable, is never changed. */
  readonly extra?: string | undefined;
  /** `~/.ssh/known_hosts`, expanded; may be missing, is never changed. */
  readonly user?: string | undefined;
  /** Refuse unknown keys instead of recording them. */
  readonly strict?: boolean | undefined;
}

/** A host key that was unknown and was recorded in keyroll's own file. */
export interface RecordedHostKey {
  readonly host: string;
  readonly type: string;
  readonly fingerprint: string;
}

/** Why a host's key was refused; nothing was sent to that host. */
export class HostKeyError extends Error {
  override readonly name = 'HostKeyError';
  constructor(
    readonly kind: 'changed' | 'revoked' | 'unknown',
    readonly host: string,
    message: string,
  ) {
    super(`host ${host}: ${message}`);
  }
}

/** Signature algorithms to ask for, for each key type that can be verified, the preferred first. */
const algorithmsOfType: Readonly<Record<string, readonly string[]>> = {
  'ssh-ed25519': ['ssh-ed25519'],
  'ecdsa-sha2-nistp256': ['ecdsa-sha2-nistp256'],
  'ecdsa-sha2-nistp384': ['ecdsa-sha2-nistp384'],
  'ecdsa-sha2-nistp521': ['ecdsa-sha2-nistp521'],
  'ssh-rsa': ['rsa-sha2-512', 'rsa-sha2-256'],
};

/** What keyroll knows of host keys, and the decision about each key that a host presents. */
export class HostKeys {
  readonly #own: string;
  readonly #strict: boolean;
  readonly #operator: readonly KnownHostLine[];
  #recordedLines: readonly KnownHostLine[];
  readonly #recorded: RecordedHostKey[] = [];
  /** Lines of all files that could not be used, with the reason. */
  readonly ignored: readonly IgnoredLine[];

  /** @throws Error when a file exists and cannot be read, or when `extra` does not exist */
  constructor(options: HostKeysOptions) {
    this.#own = options.own;
    this.#strict = options.strict ?? false;
    const own = readKnownHosts(options.own, 'optional');
    const extra = options.extra === undefined ? none : readKnownHosts(options.extra, 'required');
    const user = options.user === undefined ? none : readKnownHosts(options.user, 'optional');
    this.#recordedLines = own.lines;
    this.#operator = [...extra.lines, ...user.lines];
    this.ignored = [...own.ignored, ...extra.ignored, ...user.ignored];
  }

  /** Keys recorded by this object so far. */
  get recorded(): readonly RecordedHostKey[] {
    return this.#recorded;
  }

  /** The host key algorithms to offer: those of the known types, or all that can be verified for an unknown host. */
  algorithms(host: HostName): string[] {
    const types = new Set(this.#known(host).map((line) => line.type));
    return Object.entries(algorithmsOfType).flatMap(([type, names]) =>
      types.size === 0 || types.has(type) ? names : [],
    );
  }

  /**
   * Decides about a key before anything is sent to its host.
   * @throws HostKeyError for a revoked or changed key, and for an unknown one when strict
   */
  decide(host: HostName, key: Buffer): 'known' | 'unknown' {
    const label = hostKeyLabel(host);
    const presented = `${keyType(key)} ${fingerprint(key)}`;
    const lines = this.#lines(host);
    const revoked = lines.find((line) => line.revoked && line.key.equals(key));
    if (revoked) throw new HostKeyError('revoked', label, revokedText(presented, revoked));
    if (lines.some((line) => line.key.equals(key))) return 'known';
    const known = this.#known(host);
    if (known.length > 0) throw new HostKeyError('changed', label, changedText(presented, known));
    if (this.#strict) throw new HostKeyError('unknown', label, unknownText(presented));
    return 'unknown';
  }

  /** The refusal for a host that offers none of the key types known for it; undefined when none is known. */
  noKnownType(host: HostName): HostKeyError | undefined {
    const known = this.#known(host);
    if (known.length === 0) return undefined;
    return new HostKeyError(
      'changed',
      hostKeyLabel(host),
      changedText('no key of a type known for it', known),
    );
  }

  /** Records a key that `decide` called unknown, once the host has proved that it holds it. Repeatable. */
  record(host: HostName, key: Buffer): void {
    if (this.decide(host, key) === 'known') return;
    const pattern = hostPattern(host.name, host.port);
    const type = keyType(key);
    const before = readText(this.#own, 'optional');
    const separator = before === '' || before.endsWith('\n') ? '' : '\n';
    const text = before + separator + knownHostLine(pattern, type, key);
    writeFileAtomically(this.#own, text);
    this.#recordedLines = parseKnownHosts(text, this.#own).lines;
    this.#recorded.push({ host: pattern, type, fingerprint: fingerprint(key) });
  }

  /** Lines that vouch for this host with a key type that can be verified. */
  #known(host: HostName): KnownHostLine[] {
    const lines = this.#lines(host);
    const revoked = lines.filter((line) => line.revoked);
    return lines.filter(
      (line) =>
        !line.revoked &&
        Object.hasOwn(algorithmsOfType, line.type) &&
        !revoked.some((other) => other.key.equals(line.key)),
    );
  }

  #lines(host: HostName): KnownHostLine[] {
    const name = hostPattern(host.name, host.port);
    const names = host.address === undefined ? [name] : [name, hostPattern(host.address, host.port)];
    return [
      ...this.#recordedLines.filter((line) => matchesHost(line.hosts, name)),
      ...this.#operator.filter((line) => names.some((each) => matchesHost(line.hosts, each))),
    ];
  }
}

/** How a host is called in messages and in known_hosts files. */
export function hostKeyLabel(host: HostName): string {
  return hostPattern(host.name, host.port);
}

/** `SHA256:…` of a public key in SSH wire format, as `ssh-keygen -l` prints it. */
export function fingerprint(key: Buffer): string {
  return `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`;
}

const none = parseKnownHosts('', '');

function readKnownHosts(file: string, need: 'required' | 'optional'): ReturnType<typeof parseKnownHosts> {
  return parseKnownHosts(readText(file, need), file);
}

function readText(file: string, need: 'required' | 'optional'): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (need === 'optional' && error instanceof Error && 'code' in error && error.code === 'ENOENT')
      return '';
    throw new Error(`${file}: the known hosts cannot be read (${describe(error)})`, { cause: error });
  }
}

function revokedText(presented: string, line: KnownHostLine): string {
  return (
    `its key ${presented} is marked @revoked (${line.file}:${line.line}); ` +
    'nothing was sent to it. Give the machine a new host key, then run keyroll again'
  );
}

function changedText(presented: string, known: readonly KnownHostLine[]): string {
  const expected = known.map((line) => `${line.type} ${fingerprint(line.key)} (${line.file}:${line.line})`);
  return (
    `it presents ${presented}, but known for it is ${expected.join(', ')}; nothing was sent to it. ` +
    'Somebody may be between you and the machine. If it was really reinstalled, remove that line, then run keyroll again'
  );
}

function unknownText(presented: string): string {
  return (
    `its key ${presented} is not known, and unknown keys are refused (--strict-host-keys); nothing was sent to it. ` +
    'Compare it with `ssh-keygen -lf` of the public host key on the machine, then supply it with --known-hosts FILE'
  );
}
