import ssh2 from 'ssh2';

/**
 * A new SSH key pair for a test: ECDSA with P-256, encrypted when a passphrase is given.
 * Not Ed25519: of those that ssh2 makes, about one in 256 cannot be read again (it cuts zero bytes).
 */
export function newKeyPair(passphrase?: string): { private: string; public: string } {
  const encryption = passphrase === undefined ? {} : { passphrase, cipher: 'aes256-ctr', rounds: 1 };
  return ssh2.utils.generateKeyPairSync('ecdsa', { bits: 256, ...encryption });
}
