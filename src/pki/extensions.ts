import { bitString, element, oid, sequence, Tag } from './der.js';
import { ExtensionOid, extendedKeyUsageOid, KEY_USAGES, type KeyUsage } from './names.js';

const TRUE = element(Tag.boolean, Buffer.from([0xff]));
const KEY_IDENTIFIER = 0x80;

/** One extension; `critical` is left out when false, as DER wants for a default. */
export function extension(identifier: string, critical: boolean, value: Uint8Array): Buffer {
  return sequence(oid(identifier), ...(critical ? [TRUE] : []), element(Tag.octetString, value));
}

export const subjectKeyIdentifier = (identifier: Uint8Array): Buffer =>
  extension(ExtensionOid.subjectKeyIdentifier, false, element(Tag.octetString, identifier));

export const authorityKeyIdentifier = (identifier: Uint8Array): Buffer =>
  extension(ExtensionOid.authorityKeyIdentifier, false, sequence(element(KEY_IDENTIFIER, identifier)));

/** Critical. A CA gets no path length. */
export const basicConstraints = (isCa: boolean): Buffer =>
  extension(ExtensionOid.basicConstraints, true, isCa ? sequence(TRUE) : sequence());

export const extendedKeyUsage = (names: readonly string[]): Buffer =>
  extension(
    ExtensionOid.extendedKeyUsage,
    false,
    sequence(...names.map((name) => oid(extendedKeyUsageOid(name)))),
  );

export const subjectAltName = (value: Uint8Array, critical = false): Buffer =>
  extension(ExtensionOid.subjectAltName, critical, value);

/** Critical. The bits as a DER named bit list: no zero bits after the last one. */
export function keyUsage(names: readonly KeyUsage[]): Buffer {
  const bits = names.map((name) => KEY_USAGES.indexOf(name));
  const last = Math.max(...bits);
  const octets = Buffer.alloc(Math.floor(last / 8) + 1);
  for (const bit of bits) octets.writeUInt8(octets.readUInt8(bit >> 3) | (0x80 >> (bit & 7)), bit >> 3);
  return extension(ExtensionOid.keyUsage, true, bitString(octets, 7 - (last % 8)));
}
