import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { namesCa, parseHandshakes } from './handshake.js';

const model = JSON.parse(
  readFileSync(new URL('../../test/fixtures/stack-3-masters/apimodel.json', import.meta.url), 'utf8'),
) as {
  properties: { certificateProfile: { caCertificate: string } };
};
const ca = model.properties.certificateProfile.caCertificate;

const output = `== 127.0.0.1:443
${ca.trim()}
Acceptable client certificate CA names
CN=ca-20260101-abcdef
CN=ca
O=example,CN=proxy
Requested Signature Algorithms: RSA-PSS+SHA256
== 10.0.0.1:2379
connect:errno=111
`;

describe('parseHandshakes', () => {
  it('reads chain and accepted CAs of each target, and what failed', () => {
    const [api, etcd] = parseHandshakes(output);
    expect(api).toEqual({
      target: '127.0.0.1:443',
      chain: [`${ca.trim()}\n`],
      acceptedCas: ['CN=ca-20260101-abcdef', 'CN=ca', 'O=example,CN=proxy'],
    });
    expect(etcd).toMatchObject({ target: '10.0.0.1:2379', chain: [], error: 'connect:errno=111' });
  });

  it('reads a server that asks for no client certificate', () => {
    expect(parseHandshakes(`== x:1\n${ca.trim()}\n`)[0]?.acceptedCas).toEqual([]);
  });
});

describe('namesCa', () => {
  const shown = (names: string[]): boolean => namesCa({ target: 't', chain: [], acceptedCas: names }, ca);
  it('compares the whole name', () => {
    expect(shown(['CN=ca'])).toBe(true);
    expect(shown(['CN=ca-20260101-abcdef'])).toBe(false);
    expect(shown([])).toBe(false);
  });
});
