import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseApiModel, readApiModel, type ApiModel } from './apimodel.js';
import { ModelError } from './apimodel-error.js';
import { masterFqdn, normalizeLocation } from './apimodel-fqdn.js';
import { withCertificateProfile, withParameters } from './apimodel-write.js';
import { profileValues, type CertificateProfile } from './certificate-profile.js';

const root = join(import.meta.dirname, '../..');
const own = join(root, 'test/fixtures/stack-3-masters');
const shared = join(root, '../shared/fixtures');
const text = readFileSync(join(own, 'apimodel.json'), 'utf8');
const model = parseApiModel(text, 'apimodel.json');

interface Document {
  apiVersion: unknown;
  location: unknown;
  properties: Record<string, Record<string, unknown>> & { certificateProfile: Record<string, unknown> };
}

/** The fixture's text after a change of its document. */
function changed(change: (document: Document) => void): string {
  const document = JSON.parse(text) as Document;
  change(document);
  return JSON.stringify(document);
}

function failure(of: string, options = {}): ModelError {
  try {
    parseApiModel(of, 'dir/apimodel.json', options);
  } catch (error) {
    if (error instanceof ModelError) return error;
    throw error;
  }
  throw new Error('expected a ModelError');
}

/** Another profile of the same shape: every text is replaced by one that says which it is. */
function other(profile: CertificateProfile): CertificateProfile {
  const renamed = (name: string): string => `-----BEGIN ${name}-----\nAA+/==\n-----END ${name}-----\n`;
  const entries = Object.entries(profile).map(([name, value]: [string, string | string[]]) => [
    name,
    typeof value === 'string' ? renamed(name) : value.map((_one, index) => renamed(`${name} ${index}`)),
  ]);
  return Object.fromEntries(entries) as CertificateProfile;
}

describe('readApiModel', () => {
  it('reads what a rotation needs', async () => {
    const read = await readApiModel(join(own, 'apimodel.json'));
    expect(read).toMatchObject({
      location: 'local',
      kubernetesVersion: '1.33.10',
      adminUsername: 'azureuser',
      fqdn: 'labcluster.local.cloudapp.azurestack.test',
      dnsPrefix: 'labcluster',
      privateCluster: false,
      masters: { count: 3, firstConsecutiveStaticIP: '10.240.255.5', availability: 'AvailabilitySet' },
      pools: [{ name: 'linuxpool', count: 2, os: 'Linux' }],
      extraSans: [],
    });
    expect(read.text).toBe(text);
    expect(read.certificateProfile.etcdPeerPrivateKeys).toHaveLength(3);
  });

  it('takes the name of the masters from the model before it computes one', () => {
    const at = (location: string, fqdn?: string): string =>
      masterFqdn({ fqdn, dnsPrefix: 'labcluster', location, vmDnsSuffix: null });
    expect(at('westeurope', 'a.b')).toBe('a.b');
    expect(at('westeurope')).toBe('labcluster.westeurope.cloudapp.azure.com');
    expect(at('chinaeast2')).toBe('labcluster.chinaeast2.cloudapp.chinacloudapi.cn');
    expect(at('usgovvirginia')).toBe('labcluster.usgovvirginia.cloudapp.usgovcloudapi.net');
    expect(normalizeLocation('West Europe')).toBe('westeurope');
  });

  it('wants one location', () => {
    const without = changed((document) => void (document.location = undefined));
    expect(parseApiModel(without, 'x', { location: 'Local' }).location).toBe('local');
    expect(failure(without).message).toMatch(/location: found nothing; .*--location/);
    expect(failure(text, { location: 'east' }).message).toMatch(/location: found "local"; expected "east"/);
  });

  it('reads a model whose CA key is kept elsewhere', () => {
    for (const value of [undefined, '']) {
      const read = parseApiModel(
        changed(({ properties }) => void (properties.certificateProfile['caPrivateKey'] = value)),
        'x',
      );
      expect(read.certificateProfile.caPrivateKey).toBeUndefined();
    }
  });
});

describe('an error of the model', () => {
  const set = (path: string, value: unknown): string =>
    changed((document) => {
      const steps = path.split('.');
      const last = steps.pop() ?? '';
      const holder = steps.reduce<Record<string, unknown>>(
        (found, step) => found[step] as Record<string, unknown>,
        document as unknown as Record<string, unknown>,
      );
      holder[last] = value;
    });
  const profile = 'properties.certificateProfile';

  it.each([
    ['not JSON', '{"apiVersion": ', '', /^dir\/apimodel\.json: is not JSON.*_output/],
    ['a list', '[]', '', /found a list of 0; expected an API model/],
    [
      'another apiVersion',
      set('apiVersion', '2017-07-01'),
      'apiVersion',
      /found "2017-07-01"; expected "vlabs"; use/,
    ],
    [
      'no profile',
      set(profile, undefined),
      profile,
      /found nothing; expected the certificateProfile that aks-engine/,
    ],
    [
      'a count of text',
      set('properties.masterProfile.count', 'three'),
      'properties.masterProfile.count',
      /found "three"; expected a whole number/,
    ],
    [
      'no admin',
      set('properties.linuxProfile', undefined),
      'properties.linuxProfile',
      /found nothing; expected an object/,
    ],
    [
      'no certificate',
      set(`${profile}.clientCertificate`, undefined),
      `${profile}.clientCertificate`,
      /found nothing; expected a PEM text/,
    ],
    [
      'an empty key',
      set(`${profile}.clientPrivateKey`, ''),
      `${profile}.clientPrivateKey`,
      /found an empty text; expected a PEM text/,
    ],
    [
      'a key vault',
      set(`${profile}.clientPrivateKey`, { vault: 'x' }),
      `${profile}.clientPrivateKey`,
      /found .*expected a PEM text/,
    ],
    [
      'text for a certificate',
      set(`${profile}.clientCertificate`, 'secret'),
      `${profile}.clientCertificate`,
      /found 6 characters without a PEM block; expected one CERTIFICATE/,
    ],
    [
      'text for a key',
      set(`${profile}.clientPrivateKey`, 'secret'),
      `${profile}.clientPrivateKey`,
      /found 6 characters without a PEM block; expected an RSA or EC private key/,
    ],
    [
      'another key',
      set(`${profile}.clientPrivateKey`, model.certificateProfile.apiServerPrivateKey),
      `${profile}.clientPrivateKey`,
      /does not belong to clientCertificate \(O=system:masters, CN=client\)/,
    ],
    [
      'no peers',
      set(`${profile}.etcdPeerCertificates`, null),
      `${profile}.etcdPeerCertificates`,
      /found null; expected a list of PEM texts/,
    ],
    [
      'too few peers',
      set('properties.masterProfile.count', 5),
      `${profile}.etcdPeerCertificates`,
      /found 3; expected 5, one a master/,
    ],
    [
      'too few peer keys',
      set(`${profile}.etcdPeerPrivateKeys`, model.certificateProfile.etcdPeerPrivateKeys.slice(1)),
      `${profile}.etcdPeerPrivateKeys`,
      /found 2; expected 3/,
    ],
  ])('names file, path, what was found and expected: %s', (_name, broken, path, message) => {
    const error = failure(broken);
    expect(error).toMatchObject({ file: 'dir/apimodel.json', path });
    expect(error.message).toMatch(message);
    expect(error.message.startsWith('dir/apimodel.json: ')).toBe(true);
    expect(error.message).not.toMatch(/secret|MII/);
  });

  it('refuses a field that appears twice, before anything depends on which one counts', () => {
    const twice = text.replace('"caCertificate"', '"caCertificate": "x",\n      "caCertificate"');
    expect(failure(twice).message).toMatch(/certificateProfile\.caCertificate: appears twice/);
  });

  it('names a file that is missing or not UTF-8', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'keyroll-model-'));
    const file = join(folder, 'apimodel.json');
    await expect(readApiModel(file)).rejects.toThrow(
      /apimodel\.json: cannot be read \(ENOENT.*use the apimodel\.json/,
    );
    await writeFile(file, Buffer.from(text.replace('labcluster', 'lab\u00e4'), 'latin1'));
    await expect(readApiModel(file)).rejects.toThrow(/apimodel\.json: cannot be read/);
    await rm(folder, { recursive: true });
  });
});

describe('withCertificateProfile', () => {
  const successor = other(model.certificateProfile);

  it('leaves a text with the same profile as it is', () => {
    expect(withCertificateProfile(model, model.certificateProfile)).toBe(text);
  });

  it('changes nothing outside of the profile, whatever is there and however it is written', () => {
    const extra = fc.dictionary(fc.string(), fc.jsonValue(), { maxKeys: 4 });
    const style = fc.record({
      indent: fc.constantFrom('', ' ', '    ', '\t'),
      lineEnd: fc.constantFrom('\n', '\r\n'),
      slash: fc.constantFrom('/', '\\/', '\\u002f'),
      end: fc.constantFrom('', '\n', '\n\n  '),
    });
    fc.assert(
      fc.property(extra, extra, style, (before, inside, { indent, lineEnd, slash, end }) => {
        const document = JSON.parse(text) as Document;
        const properties = { ...inside, ...document.properties, zz: before };
        const serialized = JSON.stringify({ ...before, ...document, properties, last: inside }, null, indent);
        const written = serialized.replaceAll('/', slash).replaceAll('\n', lineEnd) + end;
        const asWritten = (pem: string): string => JSON.stringify(pem).replaceAll('/', slash);
        const result = withCertificateProfile({ ...model, text: written }, successor);
        const olds = profileValues(model.certificateProfile).map(({ pem }) => asWritten(pem));
        const news = profileValues(successor).map(({ pem }) => JSON.stringify(pem));
        expect(news.reduce((left, one, index) => left.replace(one, olds[index] ?? ''), result)).toBe(written);
        expect(parsed(result).properties.certificateProfile).toEqual(successor);
      }),
      { numRuns: 60 },
    );
  });

  it('adds the key of a CA that the model did not have, in the style of its surroundings', () => {
    const without = text.replace(/\n *"caPrivateKey": "[^"]*",/, '');
    const keyless = parseApiModel(without, 'x');
    const result = withCertificateProfile(keyless, model.certificateProfile);
    expect(result).toBe(text);
  });

  it('wants as many peers as the model has', () => {
    const short = { ...successor, etcdPeerCertificates: successor.etcdPeerCertificates.slice(1) };
    expect(() => withCertificateProfile(model, short)).toThrow(
      /etcdPeerCertificates: found 3 peers; expected 2/,
    );
  });
});

const parsed = (json: string): Document => JSON.parse(json) as Document;

describe('withParameters', () => {
  const parameters = readFileSync(join(own, 'azuredeploy.parameters.json'), 'utf8');

  it('replaces the base64 of every certificate and key and nothing else', () => {
    const successor = other(model.certificateProfile);
    const result = withParameters(parameters, successor, 'p.json');
    const base64 = (pem: string): string => Buffer.from(pem).toString('base64');
    const olds = profileValues(model.certificateProfile).map(({ pem }) => base64(pem));
    const back = profileValues(successor).reduce(
      (left, { pem }, index) => left.replace(`"${base64(pem)}"`, `"${olds[index] ?? ''}"`),
      result,
    );
    expect(result).not.toBe(parameters);
    expect(back).toBe(parameters);
    expect(withParameters(parameters, model.certificateProfile, 'p.json')).toBe(parameters);
  });

  it('names a parameter that is missing or kept in a key vault', () => {
    const without = parameters.replace('"etcdPeerPrivateKey2"', '"another"');
    expect(() => withParameters(without, model.certificateProfile, 'p.json')).toThrow(
      /^p\.json: parameters\.etcdPeerPrivateKey2\.value: found nothing; expected a string to replace/,
    );
  });
});

const stacks: readonly (readonly [string, Partial<ApiModel>])[] = [
  ['stack-1-master', { fqdn: 'single.local.cloudapp.azurestack.test' }],
  ['stack-3-masters', { fqdn: 'labcluster.local.cloudapp.azurestack.test' }],
  [
    'stack-5-masters-2-pools-adfs',
    {
      extraSans: ['api.k8s.example.org', '10.9.8.7.example'],
      pools: [
        { name: 'linuxpool', count: 2, os: 'Linux' },
        { name: 'pool2', count: 4, os: 'Linux' },
      ],
    },
  ],
  [
    'stack-windows',
    {
      pools: [
        { name: 'linuxpool', count: 2, os: 'Linux' },
        { name: 'winpool', count: 2, os: 'Windows' },
      ],
    },
  ],
];

describe.each(stacks)(
  'what aks-engine wrote for %s (skipped where ../shared/fixtures is absent)',
  (name, expected) => {
    const folder = join(shared, name);
    it.skipIf(!existsSync(folder))('is read and written back', async () => {
      const read = await readApiModel(join(folder, 'apimodel.json'));
      expect(read).toMatchObject(expected);
      const successor = other(read.certificateProfile);
      expect(parsed(withCertificateProfile(read, successor)).properties.certificateProfile).toEqual(
        successor,
      );
      expect(withCertificateProfile(read, read.certificateProfile)).toBe(read.text);
      const parameters = readFileSync(join(folder, 'azuredeploy.parameters.json'), 'utf8');
      expect(withParameters(parameters, read.certificateProfile, 'p.json')).toBe(parameters);
    });
  },
);
