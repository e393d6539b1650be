/** X.509 without a cluster: reading, minting and comparing certificates. No I/O. */
export { mintAuthority, newCaCommonName } from './authority.js';
export { bridgeObstacle, mintBridge } from './bridge.js';
export { bundle } from './bundle.js';
export { parseCertificate, parseCertificates, type Certificate } from './certificate.js';
export { verifyChain } from './chain.js';
export { differences } from './compare.js';
export { PkiError } from './error.js';
export {
  generateKey,
  keyPair,
  keySpecLike,
  matches,
  publicKeyFingerprint,
  type KeyPair,
  type KeySpec,
} from './key.js';
export { describePem } from './pem.js';
export { mintLeaf, mintNewLeaf, mintSelfSigned, type Issuer } from './leaf.js';
export { validityLike } from './validity.js';
