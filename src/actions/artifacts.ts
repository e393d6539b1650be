import { existsSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { writeFileAtomically } from '../adapters/fs/write-file.js';
import type { CertificateProfile } from '../model/certificate-profile.js';
import { withKubeconfigCredentials } from '../model/kubeconfig-write.js';
import { filesWith, kubeconfigName, presentFiles } from './operator-files.js';
import type { Session } from './session.js';

/** Where the operator's files lie while a rotation runs, as aks-engine names them. */
const outputFolder = '_rotate_certs_output';
export const backupFolder = '_rotate_certs_backup';

/** What of a session this needs. */
export type ArtifactSession = Pick<Session, 'model' | 'materials' | 'newIdentity' | 'note'>;

const folderOf = (session: ArtifactSession): string => dirname(session.model.file);

/**
 * Copies the operator's files to `_rotate_certs_backup/`, before anything is changed. What an earlier rotation left there
 * is replaced; for a rotation that is taken up this is not called again.
 */
export async function backUpArtifacts(session: ArtifactSession): Promise<void> {
  const backup = join(folderOf(session), backupFolder);
  await rm(backup, { recursive: true, force: true });
  for (const { name, text } of presentFiles(session.model)) writeFileAtomically(join(backup, name), text);
}

/** Writes the new files into `_rotate_certs_output/`, but for the kubeconfig, which nobody accepts yet. May be called again. */
export function writeArtifacts(session: ArtifactSession): void {
  const output = join(folderOf(session), outputFolder);
  for (const { name, text } of filesWith(session.model, newProfile(session)))
    writeFileAtomically(join(output, name), text);
}

/**
 * Writes the new admin kubeconfig into `_rotate_certs_output/kubeconfig/`: from now on every master accepts it. May be
 * called again. A cluster whose output folder has no kubeconfig gets none.
 */
export function writeNewKubeconfig(session: ArtifactSession): void {
  const name = kubeconfigName(session.model);
  const source = join(folderOf(session), name);
  if (!existsSync(source)) {
    session.note(
      `${source} is not there, so no new one is written; the new admin certificate is in the rotation's folder`,
    );
    return;
  }
  const { certificate, key } = session.newIdentity;
  const ca = session.materials.get('ca.crt');
  const text = withKubeconfigCredentials(readFileSync(source, 'utf8'), { ca, certificate, key }, source);
  writeFileAtomically(join(folderOf(session), outputFolder, name), text);
}

/** The way back: what `writeArtifacts` and `writeNewKubeconfig` wrote goes. May be called again. */
export async function removeNewFiles(session: ArtifactSession): Promise<void> {
  await rm(join(folderOf(session), outputFolder), { recursive: true, force: true });
}

/** The new set as the API model has it: leaves alone, no bridge. */
export function newProfile({ materials, model }: ArtifactSession): CertificateProfile {
  const pair = (name: string): [string, string] => [
    materials.get(`${name}.crt`),
    materials.get(`${name}.key`),
  ];
  const [apiServerCertificate, apiServerPrivateKey] = pair('apiserver');
  const [clientCertificate, clientPrivateKey] = pair('client');
  const [kubeConfigCertificate, kubeConfigPrivateKey] = pair('kubectlClient');
  const [etcdServerCertificate, etcdServerPrivateKey] = pair('etcdserver');
  const [etcdClientCertificate, etcdClientPrivateKey] = pair('etcdclient');
  const peers = model.certificateProfile.etcdPeerCertificates.map((_, index) => pair(`etcdpeer${index}`));
  return {
    caCertificate: materials.get('ca.crt'),
    caPrivateKey: materials.get('ca.key'),
    ...{ apiServerCertificate, apiServerPrivateKey, clientCertificate, clientPrivateKey },
    ...{ kubeConfigCertificate, kubeConfigPrivateKey, etcdServerCertificate, etcdServerPrivateKey },
    ...{ etcdClientCertificate, etcdClientPrivateKey },
    etcdPeerCertificates: peers.map(([certificate]) => certificate),
    etcdPeerPrivateKeys: peers.map(([, key]) => key),
  };
}

/**
 * The new files take the places of the old ones, each atomically, the API model last; then `_rotate_certs_output/` goes.
 * Called once everything is proved; may be called again.
 */
export async function placeArtifacts(session: ArtifactSession): Promise<void> {
  const folder = folderOf(session);
  const output = join(folder, outputFolder);
  const kubeconfig = kubeconfigName(session.model);
  // A folder that was rebuilt by adopt has none.
  if (!existsSync(join(output, kubeconfig)) && existsSync(join(folder, kubeconfig)))
    writeNewKubeconfig(session);
  if (existsSync(join(output, kubeconfig)))
    writeFileAtomically(join(folder, kubeconfig), readFileSync(join(output, kubeconfig), 'utf8'));
  for (const { name, text } of filesWith(session.model, newProfile(session))) {
    if (name === 'azuredeploy.json') continue;
    writeFileAtomically(join(folder, name), text);
  }
  await rm(output, { recursive: true, force: true });
}
