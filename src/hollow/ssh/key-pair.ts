import ssh2 from 'ssh2';

/**
 * A new SSH key pair in OpenSSH's form: ECDSA with P-256.
 * Not Ed25519: ssh2's `generateKeyPairSync` cuts the zero bytes at the start of its public half,
 * and about one such key in 256 cannot be read again.
 */
export function newKeyPair(): { private: string; public: string } {
  return ssh2.utils.generateKeyPairSync('ecdsa', { bits: 256 });
}
