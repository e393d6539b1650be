import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { parseApiModel, readApiModel, type ApiModel } from './apimodel.js';
import { ModelError } from './apimodel-error.js';
import { engineWarnings } from './apimodel-version.js';
import { withCertificateProfile } from './apimodel-write.js';
import type { CertificateProfile } from './certificate-profile.js';
import { windowsProfileOf } from './windows-profile.js';
import { authority, issuerOf, profileOf, today, years, type ProfileWishes } from './testing/profiles.js';

const root = join(import.meta.dirname, '../..');
const text = readFileSync(join(root, 'test/fixtures/stack-3-masters/apimodel.json'), 'utf8');
const where = 'apimodel.json: properties.certificateProfile';

type Field = Record<string, unknown>;
interface Document {
  apiVersion: unknown;
  properties: Record<'masterProfile' | 'orchestratorProfile' | 'windowsProfile' | 'featureFlags', Field> & {
    certificateProfile: Field;
    agentPoolProfiles: Field[];
  };
}
let profile: CertificateProfile;
beforeAll(async () => void (profile = await profileOf()));

/** A model with another profile, then changed. */
function model(
  of: Partial<CertificateProfile>,
  change: (document: Document) => void = () => undefined,
): string {
  const document = JSON.parse(text) as Document;
  document.properties.certificateProfile = { ...of };
  change(document);
  return JSON.stringify(document, null, 2);
}
const parse = (of: string, options = {}): ApiModel =>
  parseApiModel(of, 'apimodel.json', { now: today, ...options });
function message(of: string): string {
  try {
    parse(of);
  } catch (error) {
    if (error instanceof ModelError) return error.message;
    throw error;
  }
  return 'was taken';
}
const made = async (wishes: ProfileWishes): Promise<string> => message(model(await profileOf(wishes)));
const advice = "use the apimodel.json from the cluster's aks-engine output folder (_output/<cluster>/)";

describe('bad input gets one clear error', () => {
  it('not JSON', () => {
    expect(message('{"apiVersion": ,}')).toBe(`apimodel.json: is not JSON (line 1, column 16); ${advice}`);
  });
  it('wrong apiVersion', () => {
    expect(message(model(profile, (document) => void (document.apiVersion = '2017-07-01')))).toBe(
      `apimodel.json: apiVersion: found "2017-07-01"; expected "vlabs"; ${advice}`,
    );
  });
  it('no certificateProfile', () => {
    expect(
      message(model(profile, ({ properties }) => Reflect.deleteProperty(properties, 'certificateProfile'))),
    ).toBe(
      `${where}: found nothing; expected the certificateProfile that aks-engine writes into apimodel.json when it generates or deploys a cluster; ${advice}`,
    );
  });
  it('a certificate that does not belong to its key', async () => {
    const { clientPrivateKey } = await profileOf({
      leaves: { client: { key: { type: 'ec', curve: 'secp384r1' } } },
    });
    expect(message(model({ ...profile, clientPrivateKey }))).toBe(
      `${where}.clientPrivateKey: found a key that does not belong to clientCertificate (O=system:masters, CN=client); expected its private key; take both from the same backup of this file`,
    );
  });
  it('fewer etcd peers than masters', () => {
    const few = { ...profile, etcdPeerCertificates: profile.etcdPeerCertificates.slice(1) };
    expect(message(model(few))).toBe(
      `${where}.etcdPeerCertificates: found 2; expected 3, one a master; give one for each master, in their order`,
    );
    const keys = { ...profile, etcdPeerPrivateKeys: profile.etcdPeerPrivateKeys.slice(1) };
    expect(message(model(keys))).toContain(`${where}.etcdPeerPrivateKeys: found 2; expected 3, one a master`);
  });
  it('a leaf that the CA did not sign', async () => {
    const other = await authority({ keyIdentifier: 'none' });
    expect(
      await made({
        ca: await authority({ keyIdentifier: 'none' }),
        leaves: { etcdServer: { issuer: other } },
      }),
    ).toBe(
      `${where}.etcdServerCertificate: found a certificate that caCertificate (CN=ca) does not vouch for (CN=etcdserver: not signed by the key of CN=ca); expected one that this CA signed; take all from one set`,
    );
    expect(
      await made({ leaves: { kubeConfig: { issuer: await authority({ commonName: 'other' }) } } }),
    ).toContain(
      `${where}.kubeConfigCertificate: found a certificate that caCertificate (CN=ca) does not vouch for (no trust anchor or intermediate is the issuer CN=other`,
    );
  });
  it('an expired certificate, unless it is to be rescued', async () => {
    const ended = { notBefore: years(today, -2), notAfter: new Date('2026-11-23T10:00:00Z') };
    const expired = model(await profileOf({ leaves: { apiServer: { validity: ended } } }));
    expect(message(expired)).toBe(
      `${where}.apiServerCertificate: found a certificate that expired on 2026-11-23 10:00:00 UTC; expected one that is valid now (2026-11-24 12:00:00 UTC); a cluster whose certificates have expired is rescued with --force`,
    );
    expect(parse(expired, { expiredToo: true }).fqdn).toBe('labcluster.local.cloudapp.azurestack.test');
  });
  it('a certificate that is not yet valid', async () => {
    const later = { notBefore: new Date('2027-01-01T00:00:00Z'), notAfter: years(today, 2) };
    expect(await made({ leaves: { etcdPeer: { validity: later } } })).toBe(
      `${where}.etcdPeerCertificates[0]: found a certificate that is not valid before 2027-01-01 00:00:00 UTC; expected one that is valid now (2026-11-24 12:00:00 UTC); check this machine's clock, or wait until then`,
    );
  });
  it('a missing name', async () => {
    const sans = [
      'labcluster.local.cloudapp.azurestack.test',
      'kubernetes',
      'kubernetes.default',
      'kubernetes.default.svc',
      '10.0.0.1',
    ];
    expect(await made({ leaves: { apiServer: { sans } } })).toBe(
      `${where}.apiServerCertificate: found no IP:10.240.255.5 among its names; expected it; make one with all names under which the cluster is reached`,
    );
  });
  it('PKCS#8 instead of PKCS#1', () => {
    const key = createPrivateKey(profile.caPrivateKey ?? '')
      .export({ type: 'pkcs8', format: 'pem' })
      .toString();
    expect(message(model({ ...profile, caPrivateKey: key }))).toBe(
      `${where}.caPrivateKey: found a key in PKCS#8 (BEGIN PRIVATE KEY); expected PKCS#1 (BEGIN RSA PRIVATE KEY), as aks-engine writes and reads it; convert it with openssl rsa -traditional`,
    );
  });
  it('an encrypted key', () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const pem = privateKey
      .export({ type: 'sec1', format: 'pem', cipher: 'aes-128-cbc', passphrase: 'x' })
      .toString();
    expect(message(model({ ...profile, clientPrivateKey: pem }))).toBe(
      `${where}.clientPrivateKey: found an encrypted key; expected one without a passphrase; decrypt it with openssl rsa -traditional`,
    );
  });
  it.each([
    ['linuxProfile', 'adminUsername', '../../etc/cron.d/x'],
    ['linuxProfile', 'adminUsername', 'azure user'],
    ['linuxProfile', 'adminUsername', '$(reboot)'],
    ['linuxProfile', 'adminUsername', '-oProxyCommand=reboot'],
    ['masterProfile', 'fqdn', 'api.example.org;reboot'],
    ['masterProfile', 'fqdn', 'api.example.org/../x'],
    ['masterProfile', 'fqdn', 'user@api.example.org'],
    ['masterProfile', 'dnsPrefix', 'prefix\nDNS:evil.example.org'],
    ['agentPoolProfiles', 'name', '`reboot`'],
    ['agentPoolProfiles', 'name', '../pool'],
  ] as const)('a hostile %s.%s: %j', (profileName, field, hostile) => {
    const change = ({ properties }: Document): void => {
      const found = (properties as unknown as Record<string, Field | Field[]>)[profileName];
      Object.assign(Array.isArray(found) ? (found[0] ?? {}) : (found ?? {}), { [field]: hostile });
    };
    expect(message(model(profile, change))).toMatch(
      new RegExp(`properties\\.${profileName}(\\[0\\])?\\.${field}: found ".*"; expected `),
    );
  });
  it('Windows line ends', () => {
    const crlf = profile.apiServerCertificate.replaceAll('\n', '\r\n');
    expect(message(model({ ...profile, apiServerCertificate: crlf }))).toBe(
      `${where}.apiServerCertificate: found Windows line ends (CR LF); expected LF alone, as on the nodes; replace \\r\\n by \\n in the text`,
    );
  });
  it.each([
    '/subscriptions/a/resourceGroups/b/providers/Microsoft.KeyVault/vaults/myvault/secrets/ca',
    'https://myvault.vault.local.azurestack.external/secrets/ca/1',
  ])('secrets given as Key Vault references: %s', (reference) => {
    expect(message(model({ ...profile, etcdClientPrivateKey: reference }))).toBe(
      `${where}.etcdClientPrivateKey: found a reference to the Key Vault myvault; expected the PEM text itself; put the text that the vault holds in its place, keyroll reads no vault`,
    );
  });
  it('a certificate in several pieces, or in none', () => {
    const both = profile.clientCertificate + profile.caCertificate;
    expect(message(model({ ...profile, clientCertificate: both }))).toBe(
      `${where}.clientCertificate: found 2 certificates; expected exactly one, without those that signed it; take the others out`,
    );
    expect(message(model({ ...profile, clientCertificate: 'secret' }))).toBe(
      `${where}.clientCertificate: found 6 characters without a PEM block; expected one CERTIFICATE in PEM; take it from a backup of this file`,
    );
    const broken = profile.clientCertificate.replace(/-----END[^\n]*\n/, '');
    expect(message(model({ ...profile, clientCertificate: broken }))).toMatch(
      /clientCertificate: found a certificate that cannot be read \(.*1 PEM block\(s\) begun.*; expected one CERTIFICATE in PEM/,
    );
    expect(message(model({ ...profile, clientPrivateKey: 'secret' }))).toBe(
      `${where}.clientPrivateKey: found 6 characters without a PEM block; expected an RSA or EC private key in PEM; take it from a backup of this file`,
    );
  });
  it('a usage that is missing, and a CA that is none', async () => {
    expect(await made({ leaves: { etcdServer: { usages: ['clientAuth'] } } })).toBe(
      `${where}.etcdServerCertificate: found the extended key usage clientAuth; expected serverAuth in it; make one with it`,
    );
    const { certificate } = issuerOf(profile);
    const leaf = {
      ...profile,
      caCertificate: profile.clientCertificate,
      caPrivateKey: profile.clientPrivateKey,
    };
    expect(message(model(leaf))).toBe(
      `${where}.caCertificate: found O=system:masters, CN=client, which is no CA (basicConstraints); expected one; give a CA`,
    );
    expect(certificate.isCa).toBe(true);
  });
  it('Windows nodes without SSH, by the names of their pools', () => {
    const windows = model(profile, ({ properties }) => {
      properties.windowsProfile = { adminUsername: 'winadmin', adminPassword: 'p', sshEnabled: false };
      properties.agentPoolProfiles.push({
        name: 'winpool',
        count: 2,
        osType: 'Windows',
      });
    });
    expect(message(windows)).toBe(
      'apimodel.json: properties.windowsProfile.sshEnabled: found false; expected true, since Windows nodes (pools: winpool) are rotated over SSH; enable SSH on these nodes and say so here, or remove the pools',
    );
    const reached = parse(windows.replace('"sshEnabled": false', '"sshEnabled": true'));
    expect(windowsProfileOf(reached)).toEqual({ sshEnabled: true, username: 'winadmin', password: 'p' });
  });
});

describe('models of other shapes', () => {
  const changed = (change: (properties: Document['properties']) => void): ApiModel =>
    parse(model(profile, ({ properties }) => change(properties)));

  it('scale-set masters are reached at another port', () => {
    const set = changed(
      ({ masterProfile }) => void (masterProfile['availabilityProfile'] = 'VirtualMachineScaleSets'),
    );
    expect(set.masters).toMatchObject({ availability: 'VirtualMachineScaleSets', sshPort: 50001 });
    expect(changed(() => undefined).masters.sshPort).toBe(22);
  });
  it('dual stack, Docker, custom names', () => {
    const read = changed(({ orchestratorProfile, masterProfile, ...properties }) => {
      const config = orchestratorProfile['kubernetesConfig'] as Field;
      Object.assign(config, { serviceCidr: '10.0.0.0/16,fd00::/108', containerRuntime: 'docker' });
      properties.featureFlags = { enableIPv6DualStack: true };
      masterProfile['subjectAltNames'] = ['api.example.org'];
    });
    expect(read.ownNames).toContain('IP:10.0.0.1');
    expect(read.extraSans).toEqual(['api.example.org']);
  });
  it.each([1, 5])('%i masters', async (masters) => {
    const read = parse(
      model(
        await profileOf({ masters }),
        ({ properties }) => void (properties.masterProfile['count'] = masters),
      ),
    );
    expect(read.certificateProfile.etcdPeerCertificates).toHaveLength(masters);
  });
  it('a CA without a subject key identifier', async () => {
    const read = parse(model(await profileOf({ ca: await authority({ keyIdentifier: 'none' }) })));
    expect(issuerOf(read.certificateProfile).certificate.subjectKeyId).toBeUndefined();
  });
  it('unknown fields are kept to the byte', async () => {
    const odd = model(profile, ({ properties }) => {
      properties.masterProfile['futureField'] = { deep: [1.5, 'ü', null] };
      properties.certificateProfile['futureCertificate'] = 'x';
    }).replace('"deep"', '"d\\u0065ep"');
    const read = parse(odd);
    const successor = await profileOf();
    const written = withCertificateProfile(read, successor);
    const back = withCertificateProfile(parse(written), profile);
    expect(written).not.toBe(odd);
    expect(back).toBe(odd);
  });
  it('a version that nobody tried is warned of, not refused', () => {
    const at = (version: string): readonly string[] =>
      changed(({ orchestratorProfile }) => void (orchestratorProfile['orchestratorVersion'] = version))
        .warnings;
    expect(at('1.33.10')).toEqual([]);
    expect(at('1.19.7')).toEqual([
      'apimodel.json: properties.orchestratorProfile.orchestratorVersion: Kubernetes 1.19.7 was not tried with keyroll (1.20 to 1.36 were); rotate a staging cluster of the same version first',
    ]);
    expect(at('2.0.0')).toHaveLength(1);
    const parameters = (aksEngineVersion: string): string =>
      JSON.stringify({ parameters: { aksEngineVersion: { value: aksEngineVersion } } });
    expect(engineWarnings(parameters('v0.85.0'), 'p.json')).toEqual([]);
    expect(engineWarnings(parameters('v0.60.1'), 'p.json')).toEqual([
      'p.json: parameters.aksEngineVersion: AKS Engine v0.60.1 was not tried with keyroll (0.85 was); rotate a staging cluster of the same version first',
    ]);
  });
});

const shared = join(root, '../shared/fixtures/stack-windows-no-ssh/apimodel.json');
describe('stack-windows-no-ssh (skipped where ../shared/fixtures is absent)', () => {
  it.skipIf(!existsSync(shared))('is refused by the name of its pool', async () => {
    await expect(readApiModel(shared, { now: today })).rejects.toThrow(
      /stack-windows-no-ssh\/apimodel\.json: properties\.windowsProfile\.sshEnabled: found false; expected true, since Windows nodes \(pools: winpool\)/,
    );
  });
});
