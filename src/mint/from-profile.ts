import type { CredentialSpec } from '../layouts/layout.js';
import type { CertificateProfile } from '../model/certificate-profile.js';
import type { Materials } from '../model/materials.js';
import { bundle, mintBridge, parseCertificate, type Certificate } from '../pki/index.js';

/** What a profile of the operator's own gives for the cluster CA and what it signs: its texts, to the byte. */
export interface ProfileSet {
  readonly ca: Certificate;
  /** Absent when the CA is the present one: whoever trusts that accepts the new leaves as they are. */
  readonly bridge?: Certificate;
  readonly texts: ReadonlyMap<string, string>;
}

/** How a profile's CA stands to the present one. */
export type CaRelation = 'another' | 'the-same' | 'same-subject';

/** `same-subject`: same name, other key. Nobody can tell by name which of the two signed, so no bridge is possible. */
export function caRelation(present: Certificate, next: Certificate): CaRelation {
  if (present.publicKeyFingerprint === next.publicKeyFingerprint) return 'the-same';
  return present.subject.toLowerCase() === next.subject.toLowerCase() ? 'same-subject' : 'another';
}

/** The same, of a rotation's materials; `another` before they are there. */
export function relationIn(materials: Pick<Materials, 'has' | 'get'>): CaRelation {
  if (!materials.has('ca.crt') || !materials.has('old-ca.crt')) return 'another';
  const authority = (name: string): Certificate => parseCertificate(materials.get(name), name);
  return caRelation(authority('old-ca.crt'), authority('ca.crt'));
}

/** The pair of a credential in a profile; undefined for what is in none (front proxy, kubelets). */
export function profilePair(
  profile: CertificateProfile,
  { profileField }: Pick<CredentialSpec, 'profileField'>,
): { readonly certificate: string; readonly key: string } | undefined {
  if (profileField === undefined) return undefined;
  const peer = /^etcdPeer(\d+)$/.exec(profileField)?.[1];
  const fields = profile as unknown as Readonly<Record<string, string | undefined>>;
  const certificate =
    peer === undefined ? fields[`${profileField}Certificate`] : profile.etcdPeerCertificates[Number(peer)];
  const key =
    peer === undefined ? fields[`${profileField}PrivateKey`] : profile.etcdPeerPrivateKeys[Number(peer)];
  if (certificate === undefined || key === undefined)
    throw new Error(`the certificate profile has no ${profileField}; expected what it was checked for`);
  return { certificate, key };
}

/**
 * The cluster CA and its leaves from a profile, by material name, and the bridge from the present CA.
 * @param specs of what the cluster CA signs
 */
export function setFromProfile(
  profile: CertificateProfile & { readonly caPrivateKey: string },
  specs: readonly CredentialSpec[],
  old: { readonly ca: Certificate; readonly key: string },
  bridgeless = false,
): ProfileSet {
  const ca = parseCertificate(profile.caCertificate, 'caCertificate');
  const texts = new Map([
    ['ca.crt', profile.caCertificate],
    ['ca.key', profile.caPrivateKey],
    ['ca.bundle', ca.fingerprint === old.ca.fingerprint ? ca.pem : bundle(ca.pem, old.ca.pem)],
  ]);
  const bridge = bridgeless || caRelation(old.ca, ca) === 'the-same' ? undefined : bridgeTo(ca, old);
  for (const spec of specs) {
    const pair = profilePair(profile, spec);
    if (!pair) continue;
    texts.set(`${spec.name}.crt`, pair.certificate);
    texts.set(`${spec.name}.key`, pair.key);
    texts.set(`${spec.name}.chain`, bridge ? bundle(pair.certificate, bridge.pem) : pair.certificate);
  }
  return { ca, texts, ...(bridge ? { bridge } : {}) };
}

/** The bridge lasts no longer than either CA. */
function bridgeTo(ca: Certificate, old: { readonly ca: Certificate; readonly key: string }): Certificate {
  const notBefore = new Date(Math.max(ca.notBefore.getTime(), old.ca.notBefore.getTime()));
  const notAfter = new Date(Math.min(ca.notAfter.getTime(), old.ca.notAfter.getTime()));
  return mintBridge({ newCa: ca, oldCa: old.ca, oldCaKey: old.key, validity: { notBefore, notAfter } });
}
