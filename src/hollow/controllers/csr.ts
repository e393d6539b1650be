import { createPublicKey, verify } from 'node:crypto';
import { dotted, elements, sequence, type Element } from '../../pki/der.js';

/** What a certificate is asked for. */
export interface Request {
  readonly commonName: string;
  readonly organizations: readonly string[];
  /** SPKI, PEM. */
  readonly publicKey: string;
}

const commonName = '2.5.4.3';
const organization = '2.5.4.10';
const signatures: Readonly<Record<string, string>> = {
  '1.2.840.10045.4.3.2': 'sha256',
  '1.2.840.10045.4.3.3': 'sha384',
  '1.2.840.10045.4.3.4': 'sha512',
  '1.2.840.113549.1.1.11': 'sha256',
};

/** Reads a PKCS#10 request (PEM). @throws Error when it is none or was not signed by its own key */
export function parseRequest(pem: string): Request {
  const body = /-----BEGIN CERTIFICATE REQUEST-----([\s\S]*?)-----END/.exec(pem)?.[1];
  if (body === undefined) throw new Error('found no CERTIFICATE REQUEST in PEM');
  const [information, algorithm, signature] = inside(elements(Buffer.from(body, 'base64'))[0]);
  const [, subject, keyInfo] = inside(information);
  const key = createPublicKey({ key: whole(keyInfo), format: 'der', type: 'spki' });
  const digest = signatures[dotted(inside(algorithm)[0]?.content ?? nothing)];
  // The first byte of a bit string counts unused bits.
  const bits = (signature?.content ?? nothing).subarray(1);
  if (digest === undefined || !verify(digest, whole(information), key, bits))
    throw new Error('the certificate request is not signed by its own key');
  const names = attributes(subject?.content ?? nothing);
  return {
    commonName: names.find(([type]) => type === commonName)?.[1] ?? '',
    organizations: names.filter(([type]) => type === organization).map(([, value]) => value),
    publicKey: key.export({ type: 'spki', format: 'pem' }).toString(),
  };
}

const nothing = Buffer.alloc(0);
const inside = (part: Element | undefined): Element[] => elements(part?.content ?? nothing);
/** A sequence as it was, with its tag and length. */
const whole = (part: Element | undefined): Buffer => sequence(part?.content ?? nothing);

/** Type and value of each part of a distinguished name. */
function attributes(name: Uint8Array): (readonly [string, string])[] {
  return elements(name).flatMap((set) =>
    elements(set.content).map(({ content }) => {
      const [type, value] = elements(content);
      return [
        dotted(type?.content ?? Buffer.alloc(0)),
        Buffer.from(value?.content ?? []).toString('utf8'),
      ] as const;
    }),
  );
}
