import { X509Certificate } from 'node:crypto';
import * as lab from '../cluster/index.js';

/** What a client of the API sees of its certificate. */
export interface Serving {
  readonly issuer: string;
  /** SHA-256 of the certificate, as `openssl x509 -fingerprint` prints it. */
  readonly fingerprint: string;
  readonly until: string;
}

/** The certificate that the API's balancer leads to, or undefined when nothing answers. */
export async function servingCertificate(fqdn: string): Promise<Serving | undefined> {
  const argv = ['openssl', 's_client', '-connect', `${fqdn}:443`, '-servername', fqdn];
  const { stdout } = await lab.exec(argv, { timeoutMs: 15_000 });
  return parseServing(stdout);
}

/** The leaf in the output of `openssl s_client`. */
export function parseServing(printed: string): Serving | undefined {
  const pem = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/.exec(printed)?.[0];
  if (pem === undefined) return undefined;
  const { issuer, fingerprint256, validTo } = new X509Certificate(pem);
  return { issuer: issuer.replaceAll('\n', ', '), fingerprint: fingerprint256, until: validTo };
}
