import { caRelation } from '../mint/from-profile.js';
import type { ApiModel } from '../model/apimodel.js';
import type { CertificateProfile } from '../model/certificate-profile.js';
import type { Finding } from '../model/plan.js';
import { readCertificateProfile } from '../model/profile-file.js';
import { parseCertificate, publicKeyFingerprint } from '../pki/index.js';
import { BlockedError } from './errors.js';
import type { RotateOptions } from './options.js';

/**
 * The operator's own set, when `--certificate-profile` names one; read again each time, since it holds keys.
 * @throws ModelError with all of its problems
 */
export async function givenProfile(
  { certificateProfile }: Pick<RotateOptions, 'certificateProfile'>,
  model: ApiModel,
): Promise<(CertificateProfile & { readonly caPrivateKey: string }) | undefined> {
  if (certificateProfile === undefined) return undefined;
  return readCertificateProfile(certificateProfile, model, new Date());
}

/** The profile's CA has the present CA's subject and another key: no bridge can lead from one to the other. */
export function isUnbridgeable(profile: CertificateProfile | undefined, model: ApiModel): boolean {
  if (!profile) return false;
  const present = parseCertificate(model.certificateProfile.caCertificate, `${model.file}: caCertificate`);
  return caRelation(present, parseCertificate(profile.caCertificate, 'caCertificate')) === 'same-subject';
}

/** What forbids to rotate to a set that is sound by itself. */
export function profileBlockers(
  profile: CertificateProfile | undefined,
  model: ApiModel,
  {
    certificateProfile: file = '',
    acceptSameSubject,
  }: Pick<RotateOptions, 'certificateProfile' | 'acceptSameSubject'>,
): Finding[] {
  if (acceptSameSubject === true || !isUnbridgeable(profile, model)) return [];
  const present = parseCertificate(model.certificateProfile.caCertificate, `${model.file}: caCertificate`);
  return [
    {
      code: 'same-subject',
      where: `${file}: certificateProfile.caCertificate`,
      what: `has the subject of the present CA (${present.subject}) but another key, so no bridge is possible: OpenSSL's clients would take one for the other`,
      next: 'make a CA with another common name and sign the leaves with it (aks-engine names every CA CN=ca), or leave --certificate-profile away: keyroll makes a set with a name of its own; to take this one all the same, without a bridge and with a gap of some minutes, give --accept-same-subject',
    },
  ];
}

/**
 * A rotation that is taken up goes on with the set that it began with.
 * @throws BlockedError when the profile that is given now is another set
 */
export function demandSameSet(
  profile: CertificateProfile | undefined,
  file: string,
  unfinished: { readonly rotation: string; readMaterials(): ReadonlyMap<string, string> } | undefined,
): void {
  const begun = unfinished?.readMaterials().get('ca.crt');
  if (!profile || !unfinished || begun === undefined) return;
  const [wanted, has] = [profile.caCertificate, begun].map((pem) => publicKeyFingerprint(pem, file));
  if (wanted === has) return;
  throw new BlockedError([
    {
      code: 'other-set',
      where: `${file}: certificateProfile.caCertificate`,
      what: `is another CA than the one that rotation ${unfinished.rotation}, which has begun and not ended, brings`,
      next: 'end that rotation first (keyroll resume, or back with keyroll rollback), then rotate to this profile',
    },
  ]);
}
