import type { Validity } from './assemble.js';
import { PkiError } from './error.js';

/** How far `notBefore` lies back, for clocks that are behind. */
const BACKDATED_MS = 10 * 60 * 1000;
/** The last second that an X.509 date can say. */
const END_OF_TIME = Date.UTC(9999, 11, 31, 23, 59, 59);

export interface ValidityOptions {
  readonly now: Date;
  /** How long from `now`, in ms, instead of as long as the old one. */
  readonly override?: number | undefined;
  /** End of the CA that signs; the certificate ends then at the latest. */
  readonly notAfterMax?: Date | undefined;
}

/**
 * The validity of a certificate's successor: it begins 10 minutes ago and lasts as long as the old one was
 * made to last, or until `override` from now, and never beyond its CA. Whole seconds.
 * @throws PkiError when it would have ended already
 */
export function validityLike(old: Validity, { now, override, notAfterMax }: ValidityOptions): Validity {
  const start = wholeSecond(now.getTime() - BACKDATED_MS);
  const lifetime = old.notAfter.getTime() - old.notBefore.getTime();
  const wanted = override === undefined ? start + lifetime : now.getTime() + override;
  const end = wholeSecond(Math.min(wanted, notAfterMax?.getTime() ?? END_OF_TIME, END_OF_TIME));
  if (end <= now.getTime()) {
    throw new PkiError(`a certificate until ${new Date(end).toISOString()} would be expired at once`);
  }
  return { notBefore: new Date(start), notAfter: new Date(end) };
}

const wholeSecond = (ms: number): number => Math.floor(ms / 1000) * 1000;
