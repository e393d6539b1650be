import { beforeAll, describe, expect, it } from 'vitest';
import { generateKey, mintAuthority, type Certificate } from '../pki/index.js';
import type { CertificateProfile } from '../model/certificate-profile.js';
import { BlockedError } from './errors.js';
import { demandSameSet } from './given-profile.js';

const validity = { notBefore: new Date(0), notAfter: new Date(1e12) };

async function authority(commonName: string): Promise<Certificate> {
  return mintAuthority({ commonName, key: await generateKey({ type: 'ec', curve: 'prime256v1' }), validity });
}

describe('a certificate profile on a rotation that is taken up', () => {
  let begun: Certificate;
  let other: Certificate;
  beforeAll(async () => {
    [begun, other] = await Promise.all([authority('one'), authority('other')]);
  });
  const profile = (ca: Certificate): CertificateProfile => ({ caCertificate: ca.pem }) as CertificateProfile;
  const unfinished = { rotation: 'r', readMaterials: () => new Map([['ca.crt', begun.pem]]) };

  it('may be the set that the rotation began with, or none', () => {
    expect(() => demandSameSet(profile(begun), 'p.json', unfinished)).not.toThrow();
    expect(() => demandSameSet(undefined, '', unfinished)).not.toThrow();
    expect(() => demandSameSet(profile(other), 'p.json', undefined)).not.toThrow();
  });

  it('is refused when it is another one, with what to do', () => {
    const take = (): void => demandSameSet(profile(other), 'p.json', unfinished);
    expect(take).toThrow(BlockedError);
    expect(take).toThrow(
      /p\.json: certificateProfile\.caCertificate.*another CA.*rotation r.*keyroll resume/s,
    );
  });
});
