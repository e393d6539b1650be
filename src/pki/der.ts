import { PkiError } from './error.js';

/**
 * The part of DER that certificates are made of. Names and keys pass through a rotation as the bytes they
 * are: a library that decodes and encodes them again may choose another string type, and a chain whose
 * issuer differs from the subject above it by one byte is no chain.
 */
export const Tag = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  utf8String: 0x0c,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

/** One element: `whole` with its header, `content` without. Both are views on the bytes that were given. */
export interface Element {
  readonly tag: number;
  readonly whole: Buffer;
  readonly content: Buffer;
}

/** Encodes one element; `contents` are joined. */
export function element(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(contents);
  return Buffer.concat([Buffer.from([tag]), lengthOctets(content.length), content]);
}

export const sequence = (...contents: readonly Uint8Array[]): Buffer => element(Tag.sequence, ...contents);

/** A non-negative INTEGER from big-endian bytes. */
export function integer(bytes: Uint8Array): Buffer {
  const first = bytes.findIndex((byte) => byte !== 0);
  const significant = first < 0 ? Buffer.from([0]) : Buffer.from(bytes.subarray(first));
  const negative = (significant[0] ?? 0) >= 0x80;
  return element(Tag.integer, negative ? Buffer.concat([Buffer.from([0]), significant]) : significant);
}

/** An OBJECT IDENTIFIER from its dotted form. */
export function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  return element(Tag.oid, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]));
}

/** A BIT STRING of whole octets. */
export const bitString = (bytes: Uint8Array, unusedBits = 0): Buffer =>
  element(Tag.bitString, Buffer.from([unusedBits]), bytes);

/** A time as RFC 5280 wants it: UTCTime until 2049, GeneralizedTime from 2050 on, whole seconds. */
export function time(date: Date): Buffer {
  const digits = date
    .toISOString()
    .replace(/\.\d+Z$/, 'Z')
    .replace(/[-:T]/g, '');
  const short = date.getUTCFullYear() >= 1950 && date.getUTCFullYear() < 2050;
  return short
    ? element(Tag.utcTime, Buffer.from(digits.slice(2)))
    : element(Tag.generalizedTime, Buffer.from(digits));
}

/**
 * Splits bytes into the elements that follow one another in them.
 * @throws PkiError when a length points outside the bytes
 */
export function elements(bytes: Uint8Array): Element[] {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const found: Element[] = [];
  for (let offset = 0; offset < buffer.length;) {
    const next = elementAt(buffer, offset);
    found.push(next);
    offset += next.whole.length;
  }
  return found;
}

/** The dotted form of an OBJECT IDENTIFIER's content. */
export function dotted(content: Uint8Array): string {
  const arcs: number[] = [];
  let arc = 0;
  for (const byte of content) {
    arc = arc * 128 + (byte & 0x7f);
    if (byte < 0x80) {
      arcs.push(arc);
      arc = 0;
    }
  }
  const first = Math.min(2, Math.floor((arcs[0] ?? 0) / 40));
  return [first, (arcs[0] ?? 0) - first * 40, ...arcs.slice(1)].join('.');
}

function elementAt(buffer: Buffer, offset: number): Element {
  const tag = buffer[offset];
  const short = buffer[offset + 1];
  if (tag === undefined || short === undefined) throw new PkiError('DER ends inside an element');
  const octets = short < 0x80 ? 0 : short & 0x7f;
  if (short === 0x80 || octets > 4) throw new PkiError('DER element with a length of an unsupported form');
  const start = offset + 2 + octets;
  const length =
    octets === 0 ? short : start <= buffer.length ? buffer.readUIntBE(offset + 2, octets) : Infinity;
  if (start + length > buffer.length) throw new PkiError('DER element is longer than the bytes that hold it');
  return {
    tag,
    whole: buffer.subarray(offset, start + length),
    content: buffer.subarray(start, start + length),
  };
}

function lengthOctets(length: number): Buffer {
  if (length < 0x80) return Buffer.from([length]);
  const hex = length.toString(16);
  const octets = Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex');
  return Buffer.concat([Buffer.from([0x80 | octets.length]), octets]);
}

function base128(arc: number): number[] {
  const digits = [arc % 128];
  for (let rest = Math.floor(arc / 128); rest > 0; rest = Math.floor(rest / 128)) {
    digits.unshift((rest % 128) | 0x80);
  }
  return digits;
}
