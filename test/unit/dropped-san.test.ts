import { expect, it } from 'vitest';
import { checkSet } from '../../src/mint/check.js';
import { generateKey, mintAuthority, mintNewLeaf } from '../../src/pki/index.js';
import { smallCluster, smallMaterials } from './small-cluster.js';

const hour = 3_600_000;
const validity = { notBefore: new Date(Date.now() - hour), notAfter: new Date(Date.now() + hour) };

/** The set of a small cluster in which kube-apiserver's certificate had, and gets, these names. */
async function problemsOf(before: readonly string[], after: readonly string[]): Promise<string[]> {
  const facts = smallCluster();
  const materials = await smallMaterials(facts);
  const texts = new Map(materials.names.map((name) => [name, materials.get(name)]));
  const key = await generateKey({ type: 'ec', curve: 'prime256v1' });
  const issuer = {
    certificate: mintAuthority({ commonName: 'ca', key, validity }),
    privatePem: key.privatePem,
  };
  const leaf = (sans: readonly string[]): string =>
    mintNewLeaf({ commonName: 'apiserver', extendedKeyUsages: [], sans, issuer, key, validity }).pem;
  texts.set('old-apiserver.crt', leaf(before));
  texts.set('apiserver.crt', leaf(after));
  return checkSet(facts, texts, new Date());
}

const names = ['DNS:kubernetes', 'DNS:api.example', 'IP:10.0.0.1'];

it('refuses a new set that lost a name, and says which of which certificate', async () => {
  expect(await problemsOf(names, ['DNS:kubernetes', 'IP:10.0.0.1'])).toContain(
    'apiserver loses the name DNS:api.example',
  );
});

it('has nothing against more names', async () => {
  const problems = await problemsOf(names, [...names, 'DNS:another.example']);
  expect(problems.filter((text) => text.includes('loses the name'))).toEqual([]);
});
