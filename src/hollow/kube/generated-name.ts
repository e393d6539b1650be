import { randomBytes } from 'node:crypto';

const letters = 'bcdfghjklmnpqrstvwxz2456789';

/** A prefix with five characters behind it that spell no word, as Kubernetes makes names. Another one at each call. */
export function generatedName(prefix: string): string {
  return `${prefix}${[...randomBytes(5)].map((byte) => letters[byte % letters.length] ?? '').join('')}`;
}
