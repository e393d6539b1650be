import type { Certificate } from './certificate.js';
import { fieldsOf } from './fields.js';

/** What differs between a certificate and its successor. Empty lists and no `subject`: nothing. */
export interface Differences {
  readonly sansLost: readonly string[];
  readonly sansAdded: readonly string[];
  readonly subject?: { readonly old: string; readonly new: string };
  readonly usagesLost: readonly string[];
  readonly usagesAdded: readonly string[];
}

/** Compares alternative names (`DNS:…`, `IP:…`), the subject's bytes and extended key usages. */
export function differences(old: Certificate, successor: Certificate): Differences {
  const sameSubject = fieldsOf(old.der).subject.equals(fieldsOf(successor.der).subject);
  return {
    sansLost: without(old.sans, successor.sans),
    sansAdded: without(successor.sans, old.sans),
    ...(sameSubject ? {} : { subject: { old: old.subject, new: successor.subject } }),
    usagesLost: without(old.extendedKeyUsages, successor.extendedKeyUsages),
    usagesAdded: without(successor.extendedKeyUsages, old.extendedKeyUsages),
  };
}

const without = (all: readonly string[], some: readonly string[]): string[] =>
  all.filter((name) => !some.includes(name));
