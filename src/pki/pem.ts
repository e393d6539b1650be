import { PkiError } from './error.js';

/** One PEM block: its label and the bytes it holds. */
export interface PemBlock {
  readonly label: string;
  readonly der: Buffer;
}

const BLOCK = /^-----BEGIN ([A-Z0-9 ]+)-----[ \t]*\r?\n([\s\S]*?)\r?\n?-----END \1-----[ \t]*$/gm;
const BEGIN = /-----BEGIN ([A-Z0-9 ]+)-----/g;
const BASE64 = /^[A-Za-z0-9+/\s]+={0,2}\s*$/;

/**
 * All blocks of a PEM text, in order. Text between blocks is ignored, as OpenSSL and Go do.
 * @param where file or field name for errors
 * @throws PkiError when a block does not end, does not stand on lines of its own or is not base64
 */
export function pemBlocks(text: string, where: string): PemBlock[] {
  const blocks = [...text.matchAll(BLOCK)].map(([, label = '', body = '']) => ({ label, body }));
  const begun = [...text.matchAll(BEGIN)].map(([, label]) => label ?? '');
  if (begun.length !== blocks.length) {
    throw new PkiError(
      `${where}: found ${begun.length} PEM block(s) begun (${begun.join(', ')}) but ${blocks.length} whole; ` +
        'expected each BEGIN and END on a line of its own, with the same label',
    );
  }
  return blocks.map(({ label, body }, index) => decode(label, body, `${where}: PEM block ${index + 1}`));
}

/** A PEM text of one block, 64 characters a line, with exactly one newline at its end. */
export function toPem(label: string, der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n');
}

/** What a text that should have been PEM is, without showing any of it. */
export function describePem(text: string): string {
  if (text.trim() === '') return 'an empty text';
  const labels = [...text.matchAll(BEGIN)].map(([, label]) => label);
  if (labels.length > 0) return `PEM of ${labels.join(', ')}`;
  return `${text.length} characters without a PEM block`;
}

function decode(label: string, body: string, where: string): PemBlock {
  // A traditional encrypted key has headers ("Proc-Type: …") before its base64.
  if (body.includes(':'))
    throw new PkiError(`${where}: found an encrypted ${label}; expected an unencrypted one`);
  if (!BASE64.test(body)) throw new PkiError(`${where}: the ${label} is not base64`);
  return { label, der: Buffer.from(body, 'base64') };
}
