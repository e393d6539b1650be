import { createPrivateKey } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { newKeyPair } from '../../src/adapters/ssh/testing/key-pair.js';
import { rotateCertsCommand } from '../../src/cli/rotate-certs.js';
import { exitCodes } from '../../src/cli/exit-codes.js';
import type { CertificateProfile } from '../../src/model/certificate-profile.js';
import { authority, profileOf, today, years, type Wish } from '../../src/model/testing/profiles.js';

const text = readFileSync(join(import.meta.dirname, '../fixtures/stack-3-masters/apimodel.json'), 'utf8');
const root = mkdtempSync(join(tmpdir(), 'keyroll-bad-input-'));
const file = join(root, 'apimodel.json');
const keys = mkdtempSync(join(tmpdir(), 'keyroll-bad-input-key-'));
const key = join(keys, 'id');
let sshd: Server;
let connections = 0;
let sound: CertificateProfile;
beforeAll(async () => {
  vi.useFakeTimers({ now: today, toFake: ['Date'] });
  writeFileSync(key, newKeyPair().private, { mode: 0o600 });
  sshd = createServer((socket) => {
    connections += 1;
    socket.destroy();
  });
  sshd.listen(0, '127.0.0.1');
  await once(sshd, 'listening');
  sound = await profileOf();
});
beforeEach(() => {
  connections = 0;
});
afterAll(() => {
  vi.useRealTimers();
  sshd.close();
  for (const folder of [root, keys]) rmSync(folder, { recursive: true });
});

/** The exit code of the whole command with this API model, and what it said of its error. */
async function rotateWith(model: string, ...more: string[]): Promise<{ code: unknown; said: string }> {
  writeFileSync(file, model);
  const { port } = sshd.address() as AddressInfo;
  const ssh = ['--ssh-host', '127.0.0.1', '--ssh-port', String(port), '--linux-ssh-private-key', file];
  const before = process.exitCode;
  const written = vi.spyOn(console, 'error').mockImplementation(() => undefined);
  try {
    await rotateCertsCommand().parseAsync(['--api-model', file, ...ssh, ...more], { from: 'user' });
    return { code: process.exitCode, said: written.mock.calls.map(([line]) => String(line)).join('\n') };
  } finally {
    written.mockRestore();
    process.exitCode = before;
  }
}

interface Properties {
  masterProfile: { count: number };
  agentPoolProfiles: object[];
  certificateProfile?: object;
  windowsProfile?: object;
}
interface Model {
  apiVersion: string;
  properties: Properties;
}

/** A sound model, changed. */
function model(change: (model: Model) => unknown): string {
  const document = JSON.parse(text) as Model;
  document.properties.certificateProfile = sound;
  change(document);
  return JSON.stringify(document);
}
const withProfile = (profile: Partial<CertificateProfile>): string =>
  model(({ properties }) => (properties.certificateProfile = { ...sound, ...profile }));
const withLeaf = async (name: string, wish: Wish): Promise<string> =>
  withProfile(await profileOf({ leaves: { [name]: wish } }));

const advice = "use the apimodel.json from the cluster's aks-engine output folder (_output/<cluster>/)";
const profile = 'properties.certificateProfile';

/** With a key that is one, nothing but the model is left to refuse. */
const withKey = ['--linux-ssh-private-key', key];
const user = [
  'properties.linuxProfile.adminUsername',
  'the name of a user: a letter, then letters, digits, "-", "_" and "."',
] as const;
const pool = [
  'properties.agentPoolProfiles[0].name',
  'letters, digits, "-" and "_", at most 63 of them',
] as const;

/** What was found, where, what was expected, and what to do: to the word. */
const bad: readonly (readonly [string, () => string | Promise<string>, string])[] = [
  ['not JSON', () => '{"apiVersion": ,}', `is not JSON (line 1, column 16); ${advice}`],
  [
    'wrong apiVersion',
    () => model((document) => (document.apiVersion = '2017-07-01')),
    `apiVersion: found "2017-07-01"; expected "vlabs"; ${advice}`,
  ],
  [
    'no certificateProfile',
    () => model(({ properties }) => Reflect.deleteProperty(properties, 'certificateProfile')),
    `${profile}: found nothing; expected the certificateProfile that aks-engine writes into apimodel.json when it generates or deploys a cluster; ${advice}`,
  ],
  [
    'a certificate that does not belong to its key',
    async () =>
      withProfile({
        clientPrivateKey: (
          await profileOf({ leaves: { client: { key: { type: 'ec', curve: 'secp384r1' } } } })
        ).clientPrivateKey,
      }),
    `${profile}.clientPrivateKey: found a key that does not belong to clientCertificate (O=system:masters, CN=client); expected its private key; take both from the same backup of this file`,
  ],
  [
    'fewer etcd peers than masters',
    () => withProfile({ etcdPeerCertificates: sound.etcdPeerCertificates.slice(1) }),
    `${profile}.etcdPeerCertificates: found 2; expected 3, one a master; give one for each master, in their order`,
  ],
  [
    'a leaf that the CA did not sign',
    async () => withLeaf('etcdServer', { issuer: await authority({ commonName: 'stranger' }) }),
    `${profile}.etcdServerCertificate: found a certificate that caCertificate (CN=ca) does not vouch for (no trust anchor or intermediate is the issuer CN=stranger of CN=etcdserver); expected one that this CA signed; take all from one set`,
  ],
  [
    'an expired certificate',
    () =>
      withLeaf('apiServer', {
        validity: { notBefore: years(today, -2), notAfter: new Date('2026-11-23T10:00:00Z') },
      }),
    `${profile}.apiServerCertificate: found a certificate that expired on 2026-11-23 10:00:00 UTC; expected one that is valid now (2026-11-24 12:00:00 UTC); a cluster whose certificates have expired is rescued with --force`,
  ],
  [
    'a certificate that is not yet valid',
    () =>
      withLeaf('etcdPeer', {
        validity: { notBefore: new Date('2027-01-01T00:00:00Z'), notAfter: years(today, 2) },
      }),
    `${profile}.etcdPeerCertificates[0]: found a certificate that is not valid before 2027-01-01 00:00:00 UTC; expected one that is valid now (2026-11-24 12:00:00 UTC); check this machine's clock, or wait until then`,
  ],
  [
    'a missing name',
    () =>
      withLeaf('apiServer', {
        sans: [
          ...['labcluster.local.cloudapp.azurestack.test', 'kubernetes', 'kubernetes.default'],
          ...['kubernetes.default.svc', '10.0.0.1'],
        ],
      }),
    `${profile}.apiServerCertificate: found no IP:10.240.255.5 among its names; expected it; make one with all names under which the cluster is reached`,
  ],
  [
    'PKCS#8 instead of PKCS#1',
    () =>
      withProfile({
        caPrivateKey: createPrivateKey(sound.caPrivateKey ?? '')
          .export({ type: 'pkcs8', format: 'pem' })
          .toString(),
      }),
    `${profile}.caPrivateKey: found a key in PKCS#8 (BEGIN PRIVATE KEY); expected PKCS#1 (BEGIN RSA PRIVATE KEY), as aks-engine writes and reads it; convert it with openssl rsa -traditional`,
  ],
  [
    'Windows line ends',
    () => withProfile({ apiServerCertificate: sound.apiServerCertificate.replaceAll('\n', '\r\n') }),
    `${profile}.apiServerCertificate: found Windows line ends (CR LF); expected LF alone, as on the nodes; replace \\r\\n by \\n in the text`,
  ],
  [
    'secrets given as Key Vault references',
    () =>
      withProfile({
        etcdClientPrivateKey:
          '/subscriptions/a/resourceGroups/b/providers/Microsoft.KeyVault/vaults/myvault/secrets/ca',
      }),
    `${profile}.etcdClientPrivateKey: found a reference to the Key Vault myvault; expected the PEM text itself; put the text that the vault holds in its place, keyroll reads no vault`,
  ],
  [
    'Windows nodes without SSH',
    () =>
      model(({ properties }) => {
        properties.windowsProfile = { adminUsername: 'winadmin', adminPassword: 'p', sshEnabled: false };
        properties.agentPoolProfiles.push({ name: 'winpool', count: 2, osType: 'Windows' });
      }),
    'properties.windowsProfile.sshEnabled: found false; expected true, since Windows nodes (pools: winpool) are rotated over SSH; enable SSH on these nodes and say so here, or remove the pools',
  ],
];

describe('with an API model that cannot be used nothing is touched', () => {
  it.each(bad)('%s', async (_name, make, message) => {
    const { code, said } = await rotateWith(await make());
    expect([code, said]).toEqual([exitCodes.usage, `keyroll: ${file}: ${message}`]);
    expect(connections).toBe(0);
    expect(readdirSync(root)).toEqual(['apimodel.json']);
  });
  it.each([
    ['a user whose name leads elsewhere', '"azureuser"', '"../../root/x"', user],
    ['a user whose name is a command', '"azureuser"', '"a; touch /tmp/x"', user],
    ['a pool whose name is a command', '"linuxpool"', '"$(reboot)"', pool],
  ])('%s', async (_name, from, to, [where, expected]) => {
    const hostile = model(() => undefined).replace(from, () => to);
    const { code, said } = await rotateWith(hostile, ...withKey);
    expect([code, said]).toEqual([
      exitCodes.usage,
      `keyroll: ${file}: ${where}: found ${to}; expected ${expected}; ${advice}`,
    ]);
    expect(connections).toBe(0);
    expect(readdirSync(root)).toEqual(['apimodel.json']);
  });
  it('a certificate profile with problems, all of them told', async () => {
    const given = join(root, 'profile.json');
    const few = { ...sound, etcdPeerPrivateKeys: sound.etcdPeerPrivateKeys.slice(1) };
    writeFileSync(given, JSON.stringify({ certificateProfile: { ...few, clientCertificate: 'x' } }));
    const { code, said } = await rotateWith(
      model(() => undefined),
      ...['--certificate-profile', given],
    );
    rmSync(given);
    expect([code, said]).toEqual([
      exitCodes.usage,
      [
        `keyroll: ${given}: has 3 problems, and nothing was changed:`,
        '  certificateProfile.etcdPeerPrivateKeys: found 2; expected 3, one a master; give one for each master, in their order',
        '  certificateProfile.clientCertificate: found 1 characters without a PEM block; expected one CERTIFICATE in PEM; take it from a backup of this file',
        '  certificateProfile.etcdPeerPrivateKeys[2]: found an empty text; expected an RSA or EC private key in PEM; take it from a backup of this file',
      ].join('\n'),
    ]);
    expect(connections).toBe(0);
    expect(readdirSync(root)).toEqual(['apimodel.json']);
  });
  it('a location that is not the model’s', async () => {
    expect(
      await rotateWith(
        model(() => undefined),
        '--location',
        'East US',
      ),
    ).toMatchObject({
      code: exitCodes.usage,
    });
    expect(connections).toBe(0);
  });
  it('a key that is none is told before anything is connected, too', async () => {
    expect(await rotateWith(model(() => undefined))).toMatchObject({ code: exitCodes.usage });
    expect(connections).toBe(0);
  });
});

describe('with a sound API model and a key', () => {
  it('the jump host is connected: it is the model that the others are refused for', async () => {
    const { code, said } = await rotateWith(
      model(() => undefined),
      ...withKey,
    );
    expect(connections).toBeGreaterThan(0);
    expect([code, said]).toEqual([exitCodes.unexpected, expect.stringContaining('azuredeploy.json')]);
  });
});
