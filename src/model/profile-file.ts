import { z } from 'zod';
import { parseCertificates } from '../pki/index.js';
import type { ApiModel } from './apimodel.js';
import { ModelError, pathText } from './apimodel-error.js';
import { parseJson, problemsOf, readText } from './apimodel-file.js';
import { certificateProfileSchema, toProfile, type CertificateProfile } from './certificate-profile.js';
import { profileProblems } from './profile-problems.js';
import type { ProfileProblem } from './profile-wish.js';

const advice = 'give a JSON file of the form {"certificateProfile": {…}} with PEM texts';
const at = 'certificateProfile';

/**
 * Reads a new set of certificates from a file of aks-engine's form, `{"certificateProfile": {…}}`, and measures it by what
 * the cluster of the API model needs. Nothing is changed by it.
 * @throws ModelError with every problem, not just the first; never with any of a key
 */
export async function readCertificateProfile(
  file: string,
  model: ApiModel,
  now: Date,
): Promise<CertificateProfile & { readonly caPrivateKey: string }> {
  const json = parseJson(await readText(file, advice), file, advice);
  const schema = z.looseObject({ certificateProfile: certificateProfileSchema }, 'an object');
  const misshapen = problemsOf(schema, json, [at]);
  if (misshapen.length > 0) throw listed(file, misshapen);
  const read = schema.parse(json).certificateProfile;
  const profile = toProfile(read);
  const { caPrivateKey } = profile;
  const problems = [
    ...(caPrivateKey === undefined
      ? [
          {
            path: 'caPrivateKey',
            what: 'found nothing; expected the key of caCertificate, which signs for kubelets; add it',
          },
        ]
      : []),
    ...profileProblems(profile, {
      masters: model.masters.count,
      now,
      names: namesInUse(model),
      expiredToo: false,
      fresh: true,
    }),
  ];
  if (problems.length > 0 || caPrivateKey === undefined)
    throw listed(
      file,
      problems.map(({ path, what }) => ({ path: pathText([at, path]), what })),
    );
  return { ...profile, caPrivateKey };
}

function listed(file: string, problems: readonly ProfileProblem[]): ModelError {
  const lines = problems.map(({ path, what }) => `  ${path}: ${what}`);
  const count = problems.length === 1 ? 'a problem' : `${problems.length} problems`;
  return new ModelError(file, '', `has ${count}, and nothing was changed:\n${lines.join('\n')}`);
}

/**
 * Names that the new set must carry: those of the certificates in use, and those that the model wishes besides. aks-engine
 * puts the cluster's name in every location of the cloud into the certificate; of these only the one in use is needed.
 */
function namesInUse(model: ApiModel): Record<string, readonly string[]> {
  const { certificateProfile: present, dnsPrefix, fqdn, extraSans } = model;
  const sans = (pem: string | undefined): readonly string[] =>
    parseCertificates(pem ?? '', 'present certificate')[0]?.sans ?? [];
  const elsewhere = (name: string): boolean => name.startsWith(`DNS:${dnsPrefix}.`) && name !== `DNS:${fqdn}`;
  const ofApiServer = sans(present.apiServerCertificate).filter((name) => !elsewhere(name));
  const wished = extraSans.map((name) => (/^[\d.]+$|:/.test(name) ? `IP:${name}` : `DNS:${name}`));
  return {
    apiServerCertificate: [...new Set([...ofApiServer, ...model.ownNames, ...wished])],
    etcdServerCertificate: sans(present.etcdServerCertificate),
    etcdPeerCertificates: sans(present.etcdPeerCertificates[0]),
  };
}
