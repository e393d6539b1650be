import { FakeApi } from './testing/fake-api.js';
import { makeCa } from './testing/identities.js';
import { writeFileSync } from 'node:fs';
async function main() {
  const ca = await makeCa('old', { type: 'rsa', bits: 4096 });
  const credentials = await ca.credentials();
  const server = await FakeApi.start(await ca.server(['127.0.0.1']), ca.pem);
  writeFileSync('/tmp/cost/info.json', JSON.stringify({ url: server.url, credentials }), { mode: 0o600 });
  setTimeout(() => process.exit(), 180_000);
}
void main();
