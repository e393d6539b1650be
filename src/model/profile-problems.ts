import { parseCertificates, PkiError, type Certificate } from '../pki/index.js';
import { pathText } from './apimodel-error.js';
import { profilePairs, type CertificateProfile, type ProfilePair } from './certificate-profile.js';
import { leafProblems, authorityProblems, roleOf } from './profile-certificates.js';
import { keyProblem, textProblem } from './profile-texts.js';
import type { ProfileProblem, ProfileWish } from './profile-wish.js';

/**
 * All that is wrong with a profile, in the order of its fields: texts that are no PEM (references to a Key Vault, Windows
 * line ends, PKCS#8), keys that belong to another certificate, leaves that the CA did not sign or that lack a name or a
 * usage, certificates out of their time, fewer peers than masters. Nothing of a key is ever in it.
 */
export function profileProblems(profile: CertificateProfile, wish: ProfileWish): ProfileProblem[] {
  const [authority, ...leaves] = profilePairs(profile);
  const ca = authority && certificateOf(authority);
  return [
    ...peerProblems(profile, wish.masters),
    ...(authority ? pairProblems(authority) : []),
    ...(ca ? authorityProblems(ca, 'caCertificate', wish) : []),
    ...leaves.flatMap((pair) => [...pairProblems(pair), ...judge(pair, ca, wish)]),
  ];
}

function judge(pair: ProfilePair, ca: Certificate | undefined, wish: ProfileWish): ProfileProblem[] {
  const leaf = certificateOf(pair);
  const path = pathText(pair.certificate.path);
  return leaf ? leafProblems(leaf, ca, { path, role: roleOf(path), wish }) : [];
}

function peerProblems(profile: CertificateProfile, masters: number): ProfileProblem[] {
  return (['etcdPeerCertificates', 'etcdPeerPrivateKeys'] as const).flatMap((path) => {
    const found = profile[path].length;
    if (found >= masters && found === profile.etcdPeerCertificates.length) return [];
    const next = 'give one for each master, in their order';
    return [{ path, what: `found ${found}; expected ${masters}, one a master; ${next}` }];
  });
}

/** Undefined for a text that holds none: that is told by `textProblem`. */
function certificateOf({ certificate }: ProfilePair): Certificate | undefined {
  if (textProblem(certificate.pem, 'CERTIFICATE') !== undefined) return undefined;
  try {
    return parseCertificates(certificate.pem, 'certificate')[0];
  } catch (error) {
    if (error instanceof PkiError) return undefined;
    throw error;
  }
}

function pairProblems(pair: ProfilePair): ProfileProblem[] {
  const { certificate, key } = pair;
  const path = pathText(certificate.path);
  const wrong = textProblem(certificate.pem, 'CERTIFICATE');
  const parsed = certificateOf(pair);
  const ofKey = key && keyProblem(key.pem, parsed, path);
  return [
    ...(wrong === undefined ? [] : [{ path, what: wrong }]),
    ...(ofKey === undefined ? [] : [{ path: pathText(key?.path ?? []), what: ofKey }]),
  ];
}
