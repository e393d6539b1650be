import { existsSync, readFileSync } from 'node:fs';
import { copyFile, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { writeFileAtomically } from '../adapters/fs/write-file.js';
import { withCertificateProfile } from '../model/apimodel-write.js';
import type { CertificateProfile } from '../model/certificate-profile.js';
import { withKubeconfigCredentials } from '../model/kubeconfig-write.js';
import type { Session } from './session.js';

/** Where the operator's files lie while a rotation runs, as aks-engine names them. */
const outputFolder = '_rotate_certs_output';
const backupFolder = '_rotate_certs_backup';

function places(session: Session): { folder: string; kubeconfig: string } {
  return {
    folder: dirname(session.model.file),
    kubeconfig: join('kubeconfig', `kubeconfig.${session.model.location}.json`),
  };
}

/**
 * Writes the new admin kubeconfig into `_rotate_certs_output/kubeconfig/`: from now on every master accepts it. May be
 * called again. A cluster whose output folder has no kubeconfig gets none.
 */
export async function writeNewKubeconfig(session: Session): Promise<void> {
  const { folder, kubeconfig } = places(session);
  const source = join(folder, kubeconfig);
  if (!existsSync(source)) {
    session.note(
      `${source} is not there, so no new one is written; the new admin certificate is in the rotation's folder`,
    );
    return;
  }
  const { certificate, key } = session.newIdentity;
  const ca = session.materials.get('ca.crt');
  const text = withKubeconfigCredentials(readFileSync(source, 'utf8'), { ca, certificate, key }, source);
  await mkdir(join(folder, outputFolder, 'kubeconfig'), { recursive: true, mode: 0o700 });
  writeFileAtomically(join(folder, outputFolder, kubeconfig), text);
}

/** The model's text with the new set in its certificateProfile and every other byte as it was. */
export function newModelText(session: Session): string {
  const { materials, model } = session;
  const old = model.certificateProfile;
  const pair = (name: string): [string, string] => [
    materials.get(`${name}.crt`),
    materials.get(`${name}.key`),
  ];
  const [apiServerCertificate, apiServerPrivateKey] = pair('apiserver');
  const [clientCertificate, clientPrivateKey] = pair('client');
  const [kubeConfigCertificate, kubeConfigPrivateKey] = pair('kubectlClient');
  const [etcdServerCertificate, etcdServerPrivateKey] = pair('etcdserver');
  const [etcdClientCertificate, etcdClientPrivateKey] = pair('etcdclient');
  const peers = old.etcdPeerCertificates.map((_, index) => pair(`etcdpeer${index}`));
  const profile: CertificateProfile = {
    ...old,
    caCertificate: materials.get('ca.crt'),
    caPrivateKey: materials.get('ca.key'),
    apiServerCertificate,
    apiServerPrivateKey,
    clientCertificate,
    clientPrivateKey,
    kubeConfigCertificate,
    kubeConfigPrivateKey,
    etcdServerCertificate,
    etcdServerPrivateKey,
    etcdClientCertificate,
    etcdClientPrivateKey,
    etcdPeerCertificates: peers.map(([certificate]) => certificate),
    etcdPeerPrivateKeys: peers.map(([, key]) => key),
  };
  return withCertificateProfile(model, profile);
}

/**
 * The operator's files become the new ones: the old are copied to `_rotate_certs_backup/`, then API model and kubeconfig
 * are replaced, each atomically, and `_rotate_certs_output/` goes. Called once everything is proved.
 */
export async function placeArtifacts(session: Session): Promise<void> {
  const { folder, kubeconfig } = places(session);
  const modelFile = basename(session.model.file);
  await mkdir(join(folder, backupFolder, 'kubeconfig'), { recursive: true, mode: 0o700 });
  const text = newModelText(session);
  if (text !== session.model.text) {
    await writeFile(join(folder, backupFolder, modelFile), session.model.text, { mode: 0o600 });
    writeFileAtomically(session.model.file, text);
  }
  const fresh = join(folder, outputFolder, kubeconfig);
  if (existsSync(fresh)) {
    await copyFile(join(folder, kubeconfig), join(folder, backupFolder, kubeconfig));
    await rename(fresh, join(folder, kubeconfig));
  }
  await rm(join(folder, outputFolder), { recursive: true, force: true });
}
