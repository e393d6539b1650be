import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseApiModel } from '../model/apimodel.js';
import type { CertificateProfile } from '../model/certificate-profile.js';
import { readKubeconfig } from '../model/kubeconfig.js';
import { Materials } from '../model/materials.js';
import { profileOf, today } from '../model/testing/profiles.js';
import {
  backUpArtifacts,
  newProfile,
  placeArtifacts,
  writeArtifacts,
  writeNewKubeconfig,
  type ArtifactSession,
} from './artifacts.js';
import { checkOperatorFiles } from './operator-files.js';

const fixture = join(import.meta.dirname, '../../test/fixtures/stack-3-masters');
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'keyroll-artifacts-'));
  cpSync(fixture, folder, { recursive: true });
});
afterEach(() => rmSync(folder, { recursive: true }));
const read = (name: string): string => readFileSync(join(folder, name), 'utf8');

const names: readonly (readonly [string, string])[] = [
  ['ca', 'ca'],
  ['apiserver', 'apiServer'],
  ['client', 'client'],
  ['kubectlClient', 'kubeConfig'],
  ['etcdserver', 'etcdServer'],
  ['etcdclient', 'etcdClient'],
];

function materialsOf(profile: CertificateProfile): Materials {
  const fields = profile as unknown as Record<string, string>;
  const texts = names.flatMap(([name, field]): [string, string][] => [
    [`${name}.crt`, fields[`${field}Certificate`] ?? ''],
    [`${name}.key`, fields[`${field}PrivateKey`] ?? ''],
  ]);
  profile.etcdPeerCertificates.forEach((certificate, index) => {
    texts.push(
      [`etcdpeer${index}.crt`, certificate],
      [`etcdpeer${index}.key`, profile.etcdPeerPrivateKeys[index] ?? ''],
    );
  });
  return new Materials(new Map(texts));
}

function session(profile: CertificateProfile): ArtifactSession {
  const file = join(folder, 'apimodel.json');
  const materials = materialsOf(profile);
  return {
    model: parseApiModel(readFileSync(file, 'utf8'), file, { now: today }),
    materials,
    newIdentity: {
      ca: [profile.caCertificate],
      certificate: profile.kubeConfigCertificate,
      key: profile.kubeConfigPrivateKey,
    },
    note: (text) => expect.fail(text),
  };
}

const pems = [...names.map(([name]) => name), 'etcdpeer0', 'etcdpeer1', 'etcdpeer2'].flatMap((name) => [
  `${name}.crt`,
  `${name}.key`,
]);

describe("the operator's files", () => {
  it("are written under aks-engine's names, come into place at the end, and the old ones are kept", async () => {
    const profile = await profileOf();
    const run = session(profile);
    const before = { model: run.model.text, parameters: read('azuredeploy.parameters.json') };
    expect(newProfile(run)).toEqual(profile);

    await backUpArtifacts(run);
    writeArtifacts(run);
    writeNewKubeconfig(run);
    expect(read('apimodel.json')).toBe(before.model);
    expect(readdirSync(join(folder, '_rotate_certs_output')).sort()).toEqual(
      ['apimodel.json', 'azuredeploy.parameters.json', 'kubeconfig', ...pems].sort(),
    );
    for (const name of pems)
      expect(statSync(join(folder, '_rotate_certs_output', name)).mode & 0o777).toBe(0o600);

    await placeArtifacts(run);
    expect(existsSync(join(folder, '_rotate_certs_output'))).toBe(false);
    expect(parseApiModel(read('apimodel.json'), 'm', { now: today }).certificateProfile).toEqual(profile);
    expect(read('etcdpeer2.key')).toBe(profile.etcdPeerPrivateKeys[2]);
    expect(read('kubectlClient.crt')).toBe(profile.kubeConfigCertificate);
    expect(read('azuredeploy.parameters.json')).toContain(
      Buffer.from(profile.apiServerPrivateKey).toString('base64'),
    );
    expect(readKubeconfig(read('kubeconfig/kubeconfig.local.json'), 'k').ca).toEqual({
      pem: profile.caCertificate,
    });
    expect(read('_rotate_certs_backup/apimodel.json')).toBe(before.model);
    expect(read('_rotate_certs_backup/azuredeploy.parameters.json')).toBe(before.parameters);

    await placeArtifacts(session(profile));
    expect(parseApiModel(read('apimodel.json'), 'm', { now: today }).certificateProfile).toEqual(profile);
  });

  it('with values in a Key Vault are refused before anything else', async () => {
    const run = session(await profileOf());
    checkOperatorFiles(run.model);
    const file = join(folder, 'azuredeploy.parameters.json');
    writeFileSync(
      file,
      JSON.stringify({ parameters: { caPrivateKey: { reference: { keyVault: { id: 'x' } } } } }),
    );
    expect(() => checkOperatorFiles(run.model)).toThrow(
      `${file}: parameters: found a reference to a Key Vault; expected the values themselves; keyroll reads no vault, put the values in its place`,
    );
    rmSync(file);
    checkOperatorFiles(run.model);
  });
});
