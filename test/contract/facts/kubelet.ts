import { expect } from 'vitest';
import type { Fact } from '../cluster.js';
import { clusterCa, first, freshCa, handshake, successor, withFiles, within } from '../tools.js';

const port = 10250;
/** Before 1.23 files are looked at once a minute. */
const reloadSeconds = 65;

const acceptsReplaced: Fact = {
  title:
    'a kubelet accepts clients of a replaced client CA file within a minute, and goes on naming the CAs of its start',
  settles: 'slow',
  async check(cluster) {
    const master = first(cluster);
    const old = await clusterCa(cluster);
    const fresh = await freshCa(old);
    const { cert, key } = await successor(cluster, 'client', fresh);
    const file = '"$KEYROLL_ROOT"/etc/kubernetes/contract-client';
    await cluster.onNode(master.name, `umask 077; cat > ${file}.crt`, cert);
    await cluster.onNode(master.name, `umask 077; cat > ${file}.key`, key);
    const ask = `curl -s -k -m 5 -o /dev/null -w '%{http_code}' --cert ${file}.crt --key ${file}.key https://127.0.0.1:${port}/healthz`;
    const status = async (): Promise<string> => (await cluster.onNode(master.name, ask)).trim();
    try {
      const { names } = await handshake(cluster, master, `127.0.0.1:${port}`);
      expect(await status()).toBe('401');
      await withFiles(cluster, [master], { [`${cluster.certs}/ca.crt`]: fresh.pem + old.pem }, async () => {
        await within(reloadSeconds, 'the client is accepted', async () => (await status()) === '200');
        expect((await handshake(cluster, master, `127.0.0.1:${port}`)).names).toEqual(names);
      });
      await within(reloadSeconds, 'it is refused again', async () => (await status()) === '401');
    } finally {
      await cluster.onNode(master.name, `rm ${file}.crt ${file}.key`);
    }
  },
};

export const kubeletFacts: readonly Fact[] = [acceptsReplaced];
