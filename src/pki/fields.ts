import { dotted, elements, Tag, type Element } from './der.js';
import { PkiError } from './error.js';

/** One extension: `whole` is its encoding, `value` what its OCTET STRING holds. */
export interface ExtensionField {
  readonly oid: string;
  readonly critical: boolean;
  readonly value: Buffer;
  readonly whole: Buffer;
}

/** The fields of a certificate as the bytes they are. */
export interface CertificateFields {
  /** Content of the serial number's INTEGER. */
  readonly serial: Buffer;
  readonly issuer: Buffer;
  readonly subject: Buffer;
  readonly subjectPublicKeyInfo: Buffer;
  readonly signatureAlgorithmOid: string;
  readonly extensions: readonly ExtensionField[];
}

const VERSION = 0xa0;
const EXTENSIONS = 0xa3;

/**
 * Reads a certificate's fields without decoding them; version 1 certificates have no extensions.
 * @throws PkiError when the bytes are not a certificate
 */
export function fieldsOf(der: Uint8Array): CertificateFields {
  const [certificate] = elements(der);
  const [tbs] = elements(certificate?.content ?? Buffer.alloc(0));
  const all = elements(tbs?.content ?? Buffer.alloc(0));
  const [serial, algorithm, issuer, , subject, key, ...rest] = all[0]?.tag === VERSION ? all.slice(1) : all;
  if (!serial || !algorithm || !issuer || !subject || key?.tag !== Tag.sequence) {
    throw new PkiError('expected an X.509 certificate, found DER of another structure');
  }
  return {
    serial: serial.content,
    issuer: issuer.whole,
    subject: subject.whole,
    subjectPublicKeyInfo: key.whole,
    signatureAlgorithmOid: dotted(elements(algorithm.content)[0]?.content ?? Buffer.alloc(0)),
    extensions: extensionsIn(rest.find((field) => field.tag === EXTENSIONS)),
  };
}

function extensionsIn(field: Element | undefined): ExtensionField[] {
  if (!field) return [];
  const [list] = elements(field.content);
  return elements(list?.content ?? Buffer.alloc(0)).map(({ whole, content }) => {
    const parts = elements(content);
    return {
      oid: dotted(parts[0]?.content ?? Buffer.alloc(0)),
      critical: parts.some((part) => part.tag === Tag.boolean && part.content[0] !== 0),
      value: parts.at(-1)?.content ?? Buffer.alloc(0),
      whole,
    };
  });
}
