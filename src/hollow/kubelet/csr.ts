import { generateKeyPairSync, sign } from 'node:crypto';
import { bitString, element, integer, oid, sequence } from '../../pki/der.js';
import { newName } from '../../pki/subject.js';

/** A new key and the request (PKCS#10) for a certificate that names a node. PEM. */
export interface CertificateRequest {
  readonly key: string;
  readonly request: string;
}

const ecdsaWithSha256 = sequence(oid('1.2.840.10045.4.3.2'));
const attributes = element(0xa0);

/** As a kubelet makes it: P-256, `O=system:nodes, CN=system:node:<name>`. */
export function nodeCertificateRequest(node: string): CertificateRequest {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const info = sequence(
    integer(Buffer.from([0])),
    newName(`system:node:${node}`, 'system:nodes'),
    publicKey.export({ type: 'spki', format: 'der' }),
    attributes,
  );
  const der = sequence(info, ecdsaWithSha256, bitString(sign('sha256', info, privateKey)));
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return {
    key: privateKey.export({ type: 'sec1', format: 'pem' }).toString(),
    request: ['-----BEGIN CERTIFICATE REQUEST-----', ...lines, '-----END CERTIFICATE REQUEST-----', ''].join(
      '\n',
    ),
  };
}
