import { isIP, SocketAddress } from 'node:net';
import { element, elements, sequence } from './der.js';
import { PkiError } from './error.js';

const EMAIL = 0x81;
const DNS = 0x82;
const URI = 0x86;
const IP = 0x87;

/** The alternative names of an extension's value, in order: `DNS:…`, `IP:…`, `URI:…`, `email:…`, `other:<hex>`. */
export function readSans(value: Uint8Array): string[] {
  return elements(elements(value)[0]?.content ?? Buffer.alloc(0)).map(({ tag, content, whole }) => {
    if (tag === DNS) return `DNS:${content.toString('latin1')}`;
    if (tag === IP) return `IP:${ipText(content)}`;
    if (tag === URI) return `URI:${content.toString('latin1')}`;
    if (tag === EMAIL) return `email:${content.toString('latin1')}`;
    return `other:${whole.toString('hex')}`;
  });
}

/**
 * An extension's value with names appended; the names that are there keep their bytes and their order.
 * A name that is there already is not added again.
 * @param value the old value, or undefined to start an empty list
 * @param extra DNS names and IP addresses, each bare or in the form that `readSans` gives
 */
export function appendSans(value: Uint8Array | undefined, extra: readonly string[]): Buffer {
  const present = new Set(value ? readSans(value) : []);
  const added = [...new Set(extra.map(labelled))].filter((name) => !present.has(name));
  const old = value ? (elements(value)[0]?.content ?? Buffer.alloc(0)) : Buffer.alloc(0);
  return sequence(old, ...added.map(encode));
}

/** `DNS:…` or `IP:…` of a name; IPv6 addresses in their shortest form. Labelled names are normalized too. */
export function labelled(name: string): string {
  const bare = name.replace(/^(DNS|IP):/, '');
  return isIP(bare) ? `IP:${canonicalIp(bare)}` : `DNS:${bare}`;
}

/** The bytes of an IP address, 4 or 16. @throws PkiError when it is none */
export function ipBytes(address: string): Buffer {
  if (isIP(address) === 4) return Buffer.from(address.split('.').map(Number));
  if (isIP(address) !== 6 || address.includes('%'))
    throw new PkiError(`found "${address}"; expected an IP address`);
  const [left = '', right] = withoutDottedQuad(address).split('::');
  const head = groups(left);
  const tail = right === undefined ? [] : groups(right);
  const zeros = Array<number>(8 - head.length - tail.length).fill(0);
  return Buffer.from([...head, ...zeros, ...tail].flatMap((group) => [group >> 8, group & 0xff]));
}

function encode(name: string): Buffer {
  if (name.startsWith('IP:')) return element(IP, ipBytes(name.slice('IP:'.length)));
  const host = name.slice('DNS:'.length);
  if (!/^[\x21-\x7e]+$/.test(host))
    throw new PkiError(`found "${host}"; expected a DNS name in ASCII or an IP address`);
  return element(DNS, Buffer.from(host, 'latin1'));
}

function ipText(bytes: Buffer): string {
  if (bytes.length === 4) return [...bytes].join('.');
  if (bytes.length !== 16) return `<${bytes.toString('hex')}>`;
  return canonicalIp((bytes.toString('hex').match(/.{4}/g) ?? []).join(':'));
}

const canonicalIp = (address: string): string =>
  isIP(address) === 6 ? new SocketAddress({ address, family: 'ipv6' }).address : address;

const groups = (text: string): number[] =>
  text === '' ? [] : text.split(':').map((group) => parseInt(group, 16));

/** `::ffff:10.0.0.1` ends in four decimal bytes; here they become two groups. */
function withoutDottedQuad(address: string): string {
  return address.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_all, a: string, b: string, c: string, d: string) =>
    [(Number(a) << 8) | Number(b), (Number(c) << 8) | Number(d)].map((group) => group.toString(16)).join(':'),
  );
}
