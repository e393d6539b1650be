import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { profileBlockers } from '../../src/actions/given-profile.js';
import { checkSet } from '../../src/mint/check.js';
import { mintSet } from '../../src/mint/mint.js';
import { parseApiModel, type ApiModel } from '../../src/model/apimodel.js';
import { ModelError } from '../../src/model/apimodel-error.js';
import type { CertificateProfile } from '../../src/model/certificate-profile.js';
import { readCertificateProfile } from '../../src/model/profile-file.js';
import { authority, issuerOf, profileOf, today, years } from '../../src/model/testing/profiles.js';
import { parseCertificate, parseCertificates, verifyChain, type Issuer } from '../../src/pki/index.js';
import type { Facts } from '../../src/plan/facts.js';
import { planPhase } from '../../src/plan/plan.js';
import { stillValid } from '../../src/steps/front-proxy.js';
import { smallCluster } from './small-cluster.js';

const root = mkdtempSync(join(tmpdir(), 'keyroll-profile-'));
afterAll(() => rmSync(root, { recursive: true }));
const file = join(root, 'profile.json');
const text = readFileSync(join(import.meta.dirname, '../fixtures/stack-3-masters/apimodel.json'), 'utf8');

let present: CertificateProfile;
let oldCa: Issuer;
let model: ApiModel;
let newCa: Issuer;
beforeAll(async () => {
  present = await profileOf();
  oldCa = issuerOf(present);
  const document = JSON.parse(text) as { properties: { certificateProfile: unknown } };
  document.properties.certificateProfile = present;
  model = parseApiModel(JSON.stringify(document), 'apimodel.json', { now: today });
  newCa = await authority({ commonName: 'ca-of-ours' });
});

type Given = CertificateProfile & { caPrivateKey: string };
function read(profile: unknown): Promise<Given> {
  writeFileSync(file, JSON.stringify({ certificateProfile: profile }));
  return readCertificateProfile(file, model, today);
}
async function problems(profile: unknown): Promise<string[]> {
  const error: unknown = await read(profile).catch((reason: unknown) => reason);
  if (!(error instanceof ModelError)) return ['was taken'];
  expect(error.message).not.toMatch(/MI[IGH]|BEGIN [A-Z ]*KEY-----\n/);
  return error.message.split('\n');
}

describe('a certificate profile', () => {
  it('that fits is read to the byte', async () => {
    const profile = await profileOf({ ca: newCa });
    expect(await read(profile)).toEqual(profile);
  });

  it('that does not fit is told with all of its problems', async () => {
    const soon = { notBefore: new Date('2026-11-01T00:00:00Z'), notAfter: new Date('2026-12-04T12:00:00Z') };
    const bad = await profileOf({
      ca: newCa,
      leaves: {
        apiServer: { sans: ['labcluster.local.cloudapp.azurestack.test', 'kubernetes'] },
        client: { subject: { commonName: 'client' } },
        kubeConfig: { usages: ['serverAuth'] },
        etcdServer: { validity: soon },
        etcdClient: { key: { type: 'rsa', bits: 1024 } },
        etcdPeer: { issuer: await authority({ commonName: 'stranger' }) },
      },
    });
    const told = await problems({
      ...bad,
      etcdPeerCertificates: bad.etcdPeerCertificates.slice(1),
      etcdPeerPrivateKeys: bad.etcdPeerPrivateKeys.slice(1),
    });
    const peer = (index: number): string =>
      `  certificateProfile.etcdPeerCertificates[${index}]: found a certificate that caCertificate (CN=ca-of-ours) does not vouch for (no trust anchor or intermediate is the issuer CN=stranger of CN=etcdpeer); expected one that this CA signed; take all from one set`;
    expect(told).toEqual([
      `${file}: has 9 problems, and nothing was changed:`,
      '  certificateProfile.etcdPeerCertificates: found 2; expected 3, one a master; give one for each master, in their order',
      '  certificateProfile.etcdPeerPrivateKeys: found 2; expected 3, one a master; give one for each master, in their order',
      expect.stringMatching(
        /^ {2}certificateProfile\.apiServerCertificate: found no DNS:localhost, DNS:kubernetes\.default, .*IP:10\.0\.0\.1 among its names; expected it; make one with all names under which the cluster is reached$/,
      ),
      '  certificateProfile.clientCertificate: found the subject CN=client; expected O=system:masters in it, which makes its holder an administrator; make one with it',
      '  certificateProfile.kubeConfigCertificate: found the extended key usage serverAuth; expected clientAuth in it; make one with it',
      '  certificateProfile.etcdServerCertificate: found a certificate that ends in 10 days; expected at least 30; make one that lasts longer',
      '  certificateProfile.etcdClientCertificate: found a RSA key of 1024 bits; expected RSA of 2048 bits or more, or EC of 256 or more; make a stronger one',
      peer(0),
      peer(1),
    ]);
  });

  it('with fields that are missing or of another kind is told of each', async () => {
    const keyless: Partial<CertificateProfile> = { ...(await profileOf({ ca: newCa })) };
    Reflect.deleteProperty(keyless, 'caPrivateKey');
    expect(await problems(keyless)).toEqual([
      `${file}: has a problem, and nothing was changed:`,
      '  certificateProfile.caPrivateKey: found nothing; expected the key of caCertificate, which signs for kubelets; add it',
    ]);
    expect(await problems({ ...keyless, apiServerCertificate: 7, etcdClientPrivateKey: undefined })).toEqual([
      `${file}: has 2 problems, and nothing was changed:`,
      '  certificateProfile.apiServerCertificate: found a number (not shown); expected a PEM text',
      '  certificateProfile.etcdClientPrivateKey: found nothing; expected a PEM text',
    ]);
    await expect(readCertificateProfile(join(root, 'none'), model, today)).rejects.toThrow(
      /none: cannot be read/,
    );
  });

  it('that has expired is not taken', async () => {
    const ended = { notBefore: years(today, -2), notAfter: new Date('2026-11-01T00:00:00Z') };
    const old = await authority({
      commonName: 'old',
      notBefore: years(today, -3),
      notAfter: years(today, 40),
    });
    expect((await problems(await profileOf({ ca: old, leaves: { client: { validity: ended } } })))[1]).toBe(
      '  certificateProfile.clientCertificate: found a certificate that expired on 2026-11-01 00:00:00 UTC; expected one that is valid now (2026-11-24 12:00:00 UTC); make a new one',
    );
  });

  it("with a CA of the present CA's subject and another key is a blocker that names the remedy", async () => {
    const same = await profileOf({ ca: await authority() });
    const options = { certificateProfile: 'p.json' };
    expect(profileBlockers(same, model, options)).toEqual([
      {
        code: 'same-subject',
        where: 'p.json: certificateProfile.caCertificate',
        what: "has the subject of the present CA (CN=ca) but another key, so no bridge is possible: OpenSSL's clients would take one for the other",
        next: 'make a CA with another common name and sign the leaves with it (aks-engine names every CA CN=ca), or leave --certificate-profile away: keyroll makes a set with a name of its own; to take this one all the same, without a bridge and with a gap of some minutes, give --accept-same-subject',
      },
    ]);
    expect(profileBlockers(same, model, { ...options, acceptSameSubject: true })).toEqual([]);
    expect(profileBlockers(await profileOf({ ca: newCa }), model, options)).toEqual([]);
    expect(profileBlockers(await profileOf({ ca: oldCa }), model, options)).toEqual([]);
    expect(profileBlockers(undefined, model, options)).toEqual([]);
  });
});

/** A cluster with other contents of its files. */
function withContents(facts: Facts, contentOf: (path: string, content: string) => string): Facts {
  const inventories = [...facts.inventories].map(([name, inventory]) => {
    const files = [...inventory.files].map(
      ([path, seen]) => [path, { ...seen, content: contentOf(path, seen.content) }] as const,
    );
    return [name, { ...inventory, files: new Map(files) }] as const;
  });
  return { ...facts, inventories: new Map(inventories) };
}

/** The small cluster with the present profile's certificates on its nodes. */
async function cluster(proxyCa?: Issuer): Promise<Facts> {
  const facts = smallCluster();
  const front = proxyCa ?? (await authority({ commonName: 'proxyClientCA' }));
  const fields = present as unknown as Record<string, string>;
  const contents = new Map([
    [facts.layout.ca, present.caCertificate],
    [facts.layout.frontProxyCa, front.certificate.pem],
  ]);
  for (const { certificate, profileField = 'client' } of facts.layout.credentials(3)) {
    const peer = /^etcdPeer(\d)$/.exec(profileField)?.[1];
    const pem =
      peer === undefined ? fields[`${profileField}Certificate`] : present.etcdPeerCertificates[Number(peer)];
    contents.set(certificate, pem ?? '');
  }
  return withContents(facts, (path, content) => contents.get(path) ?? content);
}

const mint = (facts: Facts, profile: CertificateProfile): Promise<Map<string, string>> =>
  mintSet({
    facts,
    profile: profile as Given,
    oldCaKey: present.caPrivateKey ?? '',
    oldServiceAccountKey: present.apiServerPrivateKey,
    now: today,
    extraApiServerSans: [],
  });

describe('a set from a profile', () => {
  it('is its texts to the byte, and reaches who trusts only the present CA by the bridge', async () => {
    const facts = await cluster();
    const made = await profileOf({ ca: newCa });
    // As some tools write them: words before the block, no line end after it.
    const odd = {
      ...made,
      apiServerCertificate: `subject=apiserver\n${made.apiServerCertificate.trimEnd()}`,
    };
    const texts = await mint(facts, odd);
    expect(checkSet(facts, texts, today, true)).toEqual([]);
    expect(texts.get('apiserver.crt')).toBe(odd.apiServerCertificate);
    expect(texts.get('etcdpeer2.key')).toBe(odd.etcdPeerPrivateKeys[2]);
    expect([texts.get('ca.crt'), texts.get('ca.key')]).toEqual([odd.caCertificate, odd.caPrivateKey]);
    expect(texts.get('sa-new.key')).toBe(odd.apiServerPrivateKey);
    expect(parseCertificates(texts.get('proxy-ca.bundle') ?? '', 'x')).toHaveLength(2);
    const chain = texts.get('apiserver.chain') ?? '';
    for (const anchor of [present.caCertificate, odd.caCertificate])
      expect(verifyChain(chain, anchor, { purpose: 'server', at: today })).toBeUndefined();
    const last = planPhase('distrust', {
      ...facts,
      etcdLeader: 'master-0',
      controllerManagerLeader: 'master-0',
    }).barrier;
    const serving = last.nodes[0]?.files.find(({ path }) => path.endsWith('/apiserver.crt'));
    expect(serving?.content).toEqual({ material: 'apiserver.crt' });
  });

  it('with the present CA renews leaves only: no bridge, and what the CA signed before is still accepted', async () => {
    const facts = {
      ...(await cluster()),
      sameAuthority: true,
      etcdLeader: 'master-0',
      controllerManagerLeader: 'master-0',
    };
    const renewed = await profileOf({ ca: oldCa });
    const texts = await mint(facts, renewed);
    expect(checkSet(facts, texts, today, true)).toEqual([]);
    expect(texts.has('bridge.crt')).toBe(false);
    expect(texts.get('etcdserver.chain')).toBe(renewed.etcdServerCertificate);
    expect(parseCertificate(texts.get('ca.bundle') ?? '', 'x').fingerprint).toBe(
      oldCa.certificate.fingerprint,
    );
    const refused = planPhase('distrust', facts).barrier.nodes.flatMap(({ servers }) =>
      servers.flatMap(({ namesNot }) => namesNot),
    );
    expect(new Set(refused)).toEqual(new Set(['old-proxy-ca.crt']));
  });
});

describe('a front-proxy CA that lasts two years and has expired', () => {
  it('is replaced by one that lasts as long as the cluster CA, and nobody is asked to hold the old one', async () => {
    const ended = await authority({
      commonName: 'proxyClientCA',
      notBefore: years(today, -3),
      notAfter: years(today, -1),
    });
    const facts = await cluster(ended);
    const texts = await mint(facts, await profileOf({ ca: newCa }));
    const fresh = parseCertificate(texts.get('proxy-ca.crt') ?? '', 'x');
    expect(fresh.notAfter.getTime()).toBeGreaterThan(years(today, 29).getTime());
    expect(parseCertificate(texts.get('proxy.crt') ?? '', 'x').notAfter.getTime()).toBeGreaterThan(
      years(today, 29).getTime(),
    );
    expect(stillValid([fresh.pem, ended.certificate.pem], today)).toEqual([fresh.pem]);
    expect(stillValid([fresh.pem, oldCa.certificate.pem], today)).toHaveLength(2);
  });
});
