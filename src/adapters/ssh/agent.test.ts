import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ssh2, { type ParsedKey } from 'ssh2';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { agentWith } from './agent.js';
import { newKeyPair } from './testing/key-pair.js';

const root = mkdtempSync(join(tmpdir(), 'keyroll-agent-'));
const socket = join(root, 'agent');
const pairs = [1, 2, 3].map(() => newKeyPair());
const parsed = (text: string): ParsedKey => {
  const key = ssh2.utils.parseKey(text);
  if (key instanceof Error) throw key;
  return [key].flat()[0] ?? expect.fail('no key');
};
let server: Server;

/** An agent that holds the first two keys. */
beforeAll(async () => {
  server = createServer((connection) => {
    const protocol = new ssh2.AgentProtocol(false);
    protocol.on('identities', (request) =>
      protocol.getIdentitiesReply(
        request,
        pairs.slice(0, 2).map((pair) => parsed(pair.public)),
      ),
    );
    connection.pipe(protocol).pipe(connection);
  });
  await new Promise<void>((resolve) => server.listen(socket, resolve));
});
afterAll(() => {
  server.close();
  rmSync(root, { recursive: true });
});

function file(name: string, text: string): string {
  writeFileSync(join(root, name), text, { mode: 0o600 });
  return join(root, name);
}

async function offered(keyFile?: string): Promise<string[]> {
  const agent = await agentWith(socket, keyFile);
  return new Promise((resolve, reject) =>
    agent.getIdentities((error, keys = []) =>
      error
        ? reject(error)
        : resolve((keys as ParsedKey[]).map((key) => key.getPublicSSH().toString('base64'))),
    ),
  );
}

const blob = (index: number): string =>
  parsed(pairs[index]?.public ?? '')
    .getPublicSSH()
    .toString('base64');

describe('an SSH agent', () => {
  it('offers all of its keys, or the one whose public key is named', async () => {
    expect(await offered()).toEqual([blob(0), blob(1)]);
    expect(await offered(file('second.pub', pairs[1]?.public ?? ''))).toEqual([blob(1)]);
  });
  it('knows a private key by the public one beside it', async () => {
    const encrypted = newKeyPair('x');
    const path = file('first', encrypted.private);
    file('first.pub', pairs[0]?.public ?? '');
    expect(await offered(path)).toEqual([blob(0)]);
  });
  it('says which key it lacks, and when there is no agent', async () => {
    await expect(offered(file('third.pub', pairs[2]?.public ?? ''))).rejects.toThrow(
      /^SSH agent .*: found ecdsa-sha2-nistp256 .*; expected .*third\.pub; add it with ssh-add$/,
    );
    await expect(agentWith(join(root, 'nobody'))).rejects.toThrow(/does not answer .*set SSH_AUTH_SOCK/);
    await expect(offered(file('locked', 'nothing'))).rejects.toThrow(
      /its public half is not known; put it into/,
    );
  });
});
