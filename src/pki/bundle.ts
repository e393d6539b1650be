import { parseCertificates } from './certificate.js';

/**
 * Joins PEM texts into one, each certificate a block of its own, with exactly one newline at every end.
 * The result is parsed again before it is returned: a bundle that lost a line break reads as fewer
 * certificates, and nobody would notice until the first handshake.
 * @throws PkiError when one of the texts holds no certificate or the result reads differently
 */
export function bundle(...pems: readonly string[]): string {
  const certificates = pems.flatMap((pem, index) => parseCertificates(pem, `bundle part ${index + 1}`));
  const text = certificates.map(({ pem }) => pem).join('');
  const reread = parseCertificates(text, 'bundle').map(({ fingerprint }) => fingerprint);
  if (reread.join() !== certificates.map(({ fingerprint }) => fingerprint).join()) {
    throw new Error('bundle reads differently from its parts');
  }
  return text;
}
