import { generateKeyPairSync } from 'node:crypto';
import { assemble } from '../../pki/assemble.js';
import { basicConstraints, keyUsage } from '../../pki/extensions.js';
import { fieldsOf } from '../../pki/fields.js';
import { parseCertificates } from '../../pki/index.js';
import { kept } from '../../pki/kept.js';

let key: { readonly privatePem: string; readonly spki: Buffer } | undefined;

/**
 * Certificates with the subjects of these CAs and nothing else of them, as `ca` of a Node TLS server. OpenSSL would put a
 * real issuer behind a leaf that stands alone in its file, where Go's servers show the file as it is; these it names to
 * clients and never uses. Clients must then be verified by `refusal`.
 */
export const namedAuthorities = kept(100, (caPem: string): string => {
  key ??= newKey();
  const { privatePem, spki } = key;
  return parseCertificates(caPem, 'trusted CAs')
    .map(({ der, notBefore, notAfter }) => {
      const { subject } = fieldsOf(der);
      const extensions = [keyUsage(['digitalSignature']), basicConstraints(false)];
      const validity = { notBefore, notAfter };
      return assemble(
        { issuer: subject, subject, subjectPublicKeyInfo: spki, validity, extensions },
        privatePem,
      ).pem;
    })
    .join('');
});

/** OpenSSL looks no further at an issuer whose kind of key cannot have made the signature; nobody signs with Ed25519 here. */
function newKey(): { privatePem: string; spki: Buffer } {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const { publicKey } = generateKeyPairSync('ed25519');
  const privatePem = privateKey.export({ type: 'sec1', format: 'pem' }).toString();
  return { privatePem, spki: publicKey.export({ type: 'spki', format: 'der' }) };
}
