import { parseTree } from 'jsonc-parser';
import type { ApiModel } from './apimodel.js';
import { ModelError } from './apimodel-error.js';
import { applySplices, nodeAt, replaceStrings, type Replacement } from './apimodel-splice.js';
import { profileValues, type CertificateProfile } from './certificate-profile.js';

const PROFILE = ['properties', 'certificateProfile'];

/**
 * The model's text with the values inside `certificateProfile` changed and every other byte as it was.
 * A CA key that the model lacks is added after the CA's certificate.
 * @throws ModelError when the profile has another number of peers than the model
 */
export function withCertificateProfile(
  model: Pick<ApiModel, 'text' | 'file' | 'certificateProfile'>,
  profile: CertificateProfile,
): string {
  checkPeers(profile, model.certificateProfile, model.file);
  const { text, pending } = withCaKeyField(model.text, profile, model.file);
  const replacements = profileValues(profile)
    .filter(({ path }) => pending || path[0] !== 'caPrivateKey')
    .map(({ path, pem }): Replacement => ({ path: [...PROFILE, ...path], value: pem }));
  return replaceStrings(text, replacements, model.file);
}

/**
 * The text of an azuredeploy.parameters.json with the values of its certificate parameters (base64 of PEM)
 * changed and every other byte as it was.
 * @param file for errors
 * @throws ModelError when a parameter is missing or refers to a key vault
 */
export function withParameters(text: string, profile: CertificateProfile, file: string): string {
  const replacements = profileValues(profile).map(({ path, pem }) => ({
    path: ['parameters', parameterName(path), 'value'],
    value: Buffer.from(pem).toString('base64'),
  }));
  return replaceStrings(text, replacements, file);
}

/** `etcdPeerCertificates[1]` is the parameter `etcdPeerCertificate1`; all others have the field's name. */
const parameterName = ([field, index]: readonly (string | number)[]): string =>
  index === undefined ? String(field) : `${String(field).replace(/s$/, '')}${index}`;

function checkPeers(profile: CertificateProfile, old: CertificateProfile, file: string): void {
  const expected = old.etcdPeerCertificates.length;
  if (profile.etcdPeerCertificates.length === expected) return;
  throw new ModelError(
    file,
    [...PROFILE, 'etcdPeerCertificates'].join('.'),
    `found ${expected} peers; expected ${profile.etcdPeerCertificates.length} as in the new profile`,
  );
}

/** A text whose profile has a CA key field, empty when it had none; `pending` says that its value is to come. */
function withCaKeyField(
  text: string,
  profile: CertificateProfile,
  file: string,
): { readonly text: string; readonly pending: boolean } {
  const root = parseTree(text);
  const ca = root && nodeAt(root, [...PROFILE, 'caCertificate'], file);
  const property = ca?.parent;
  if (profile.caPrivateKey === undefined || !root || !ca || !property) return { text, pending: false };
  if (nodeAt(root, [...PROFILE, 'caPrivateKey'], file)) return { text, pending: true };
  const indentation = /\s*$/.exec(text.slice(0, property.offset))?.[0] ?? '';
  const colon = /^\s*:\s*/.exec(text.slice(property.offset + '"caCertificate"'.length))?.[0] ?? ': ';
  const added = `,${indentation}"caPrivateKey"${colon}""`;
  return {
    text: applySplices(text, [{ offset: ca.offset + ca.length, length: 0, text: added }]),
    pending: true,
  };
}
