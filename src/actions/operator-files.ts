import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { parametersName, type ApiModel } from '../model/apimodel.js';
import { ModelError } from '../model/apimodel-error.js';
import { withCertificateProfile, withParameters } from '../model/apimodel-write.js';
import { profilePairs, type CertificateProfile } from '../model/certificate-profile.js';

/** A file beside the API model, by its path relative to the model's folder. */
export interface OperatorFile {
  readonly name: string;
  readonly text: string;
}

const templateName = 'azuredeploy.json';

/** Where the admin's kubeconfig lies beside an API model, as aks-engine names it. */
export function kubeconfigName({ location }: Pick<ApiModel, 'location'>): string {
  return join('kubeconfig', `kubeconfig.${location}.json`);
}

/** The operator's files as they are now: those of aks-engine's output folder that exist. */
export function presentFiles(model: ApiModel): OperatorFile[] {
  const folder = dirname(model.file);
  const names = [
    parametersName,
    templateName,
    kubeconfigName(model),
    ...pemFiles(model.certificateProfile).map(({ name }) => name),
  ];
  const others = names
    .filter((name) => existsSync(join(folder, name)))
    .map((name) => ({ name, text: readFileSync(join(folder, name), 'utf8') }));
  return [{ name: basename(model.file), text: model.text }, ...others];
}

/**
 * The files with another set of certificates: API model, parameters and template (where they exist) and PEM files, every
 * byte outside of the certificates as it was. Without the kubeconfig, which is written when every master accepts it.
 * @throws ModelError when the parameters file holds none of the certificates to replace
 */
export function filesWith(model: ApiModel, profile: CertificateProfile): OperatorFile[] {
  const changed = presentFiles(model).flatMap(({ name, text }) => {
    if (name === basename(model.file)) return [];
    if (name === parametersName)
      return [{ name, text: withParameters(text, profile, join(dirname(model.file), name)) }];
    return name === templateName ? [{ name, text }] : [];
  });
  // The API model last: what a run that is taken up again goes by.
  const own = { name: basename(model.file), text: withCertificateProfile(model, profile) };
  return [...pemFiles(profile), ...changed, own];
}

/**
 * Sees before anything is changed that the parameters file can be written at the end.
 * @throws ModelError naming the parameter
 */
export function checkOperatorFiles(model: ApiModel): void {
  const file = join(dirname(model.file), parametersName);
  if (!existsSync(file)) return;
  const text = readFileSync(file, 'utf8');
  const vault = /"reference"\s*:\s*\{\s*"keyVault"/.exec(text);
  if (vault)
    throw new ModelError(
      file,
      'parameters',
      'found a reference to a Key Vault; expected the values themselves; keyroll reads no vault, put the values in its place',
    );
  withParameters(text, model.certificateProfile, file);
}

const fileNames: Readonly<Record<string, string>> = {
  ca: 'ca',
  apiServer: 'apiserver',
  client: 'client',
  kubeConfig: 'kubectlClient',
  etcdServer: 'etcdserver',
  etcdClient: 'etcdclient',
};

/** The PEM files that aks-engine writes beside the model: `ca.crt`, `ca.key` … `etcdpeer2.key`. */
export function pemFiles(profile: CertificateProfile): OperatorFile[] {
  return profilePairs(profile).flatMap(({ certificate, key }) => {
    const [field, index] = certificate.path;
    const prefix = String(field).replace(/Certificates?$/, '');
    const name = index === undefined ? (fileNames[prefix] ?? prefix) : `etcdpeer${index}`;
    return [
      { name: `${name}.crt`, text: certificate.pem },
      ...(key ? [{ name: `${name}.key`, text: key.pem }] : []),
    ];
  });
}
