import { describePem, matches, parseCertificates, PkiError, type Certificate } from '../pki/index.js';

const VAULT =
  /^\/subscriptions\/\S+\/vaults\/([^/\s]+)\/(secrets|certificates|keys)\/|^https:\/\/([\w-]+)\.vault\./i;
const RESTORE = 'take it from a backup of this file';

/** What is wrong with a text that should be a PEM of one certificate or one key; nothing of it is in the answer. */
export function textProblem(text: string, label: 'CERTIFICATE' | 'private key'): string | undefined {
  const vault = VAULT.exec(text.trim());
  if (vault)
    return (
      `found a reference to the Key Vault ${vault[1] ?? vault[3] ?? ''}; expected the PEM text itself; ` +
      'put the text that the vault holds in its place, keyroll reads no vault'
    );
  if (text.includes('\r'))
    return 'found Windows line ends (CR LF); expected LF alone, as on the nodes; replace \\r\\n by \\n in the text';
  return label === 'CERTIFICATE' ? certificateText(text) : keyText(text);
}

function certificateText(text: string): string | undefined {
  try {
    const { length } = parseCertificates(text, '');
    if (length === 1) return undefined;
    return `found ${length} certificates; expected exactly one, without those that signed it; take the others out`;
  } catch (error) {
    if (!(error instanceof PkiError)) throw error;
    return `found ${foundIn(text, error)}; expected one CERTIFICATE in PEM; ${RESTORE}`;
  }
}

/** A broken block says more than the kind of text it stands in. */
function foundIn(text: string, { message }: PkiError): string {
  const detail = message.replace(/^(: )?/, '').replace(/^found |; expected .*$/gs, '');
  return text.includes('BEGIN CERTIFICATE')
    ? `a certificate that cannot be read (${detail})`
    : describePem(text);
}

function keyText(text: string): string | undefined {
  const label = /-----BEGIN ([A-Z0-9 ]+)-----/.exec(text)?.[1];
  if (label === 'PRIVATE KEY')
    return (
      'found a key in PKCS#8 (BEGIN PRIVATE KEY); expected PKCS#1 (BEGIN RSA PRIVATE KEY), as aks-engine writes and reads it; ' +
      'convert it with openssl rsa -traditional'
    );
  if (label === 'ENCRYPTED PRIVATE KEY' || /^Proc-Type: 4,ENCRYPTED/m.test(text))
    return 'found an encrypted key; expected one without a passphrase; decrypt it with openssl rsa -traditional';
  if (label === 'RSA PRIVATE KEY' || label === 'EC PRIVATE KEY') return undefined;
  return `found ${describePem(text)}; expected an RSA or EC private key in PEM; ${RESTORE}`;
}

/** What is wrong with a certificate's key. */
export function keyProblem(
  text: string,
  certificate: Certificate | undefined,
  path: string,
): string | undefined {
  const wrong = textProblem(text, 'private key');
  if (wrong !== undefined) return wrong;
  try {
    if (certificate === undefined || matches(certificate, text, 'key')) return undefined;
    return (
      `found a key that does not belong to ${path} (${certificate.subject}); expected its private key; ` +
      'take both from the same backup of this file'
    );
  } catch (error) {
    if (!(error instanceof PkiError)) throw error;
    return `found a key that cannot be read; expected an unencrypted RSA or EC private key in PEM; ${RESTORE}`;
  }
}
