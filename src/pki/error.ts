/**
 * A certificate or key that cannot be used. The message says where, what was found and what was expected;
 * it never holds key material.
 */
export class PkiError extends Error {
  override readonly name = 'PkiError';
}
