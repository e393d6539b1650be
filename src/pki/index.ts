/** X.509 without a cluster: reading, minting and comparing certificates. No I/O. */
export type { Validity } from './assemble.js';
export { mintAuthority, newCaCommonName, type AuthorityRequest } from './authority.js';
export { bridgeObstacle, mintBridge, type BridgeRequest } from './bridge.js';
export { bundle } from './bundle.js';
export { parseCertificate, parseCertificates, type Certificate } from './certificate.js';
export { verifyChain, type ChainOptions } from './chain.js';
export { differences, type Differences } from './compare.js';
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
export {
  mintLeaf,
  mintNewLeaf,
  mintSelfSigned,
  type Issuer,
  type LeafRequest,
  type NewLeafRequest,
  type SelfSignedRequest,
} from './leaf.js';
export { validityLike, type ValidityOptions } from './validity.js';
