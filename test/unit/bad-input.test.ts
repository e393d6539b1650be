import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rotateCertsCommand } from '../../src/cli/rotate-certs.js';
import { exitCodes } from '../../src/cli/exit-codes.js';

const text = readFileSync(join(import.meta.dirname, '../fixtures/stack-3-masters/apimodel.json'), 'utf8');
const root = mkdtempSync(join(tmpdir(), 'keyroll-bad-input-'));
let sshd: Server;
let connections = 0;
beforeAll(async () => {
  sshd = createServer((socket) => {
    connections += 1;
    socket.destroy();
  });
  sshd.listen(0, '127.0.0.1');
  await once(sshd, 'listening');
});
afterAll(() => {
  sshd.close();
  rmSync(root, { recursive: true });
});

/** The exit code of the whole command with this API model. */
async function rotateWith(model: string, ...more: string[]): Promise<number | undefined> {
  const file = join(root, 'apimodel.json');
  writeFileSync(file, model);
  const { port } = sshd.address() as AddressInfo;
  const ssh = ['--ssh-host', '127.0.0.1', '--ssh-port', String(port), '--linux-ssh-private-key', file];
  const before = process.exitCode;
  try {
    await rotateCertsCommand().parseAsync(['--api-model', file, ...ssh, ...more], { from: 'user' });
    return process.exitCode as number;
  } finally {
    process.exitCode = before;
  }
}

describe('with an API model that cannot be used nothing is touched', () => {
  it.each([
    ['not JSON', text.slice(1)],
    ['a CA of another set', text.replace('"apiServerCertificate"', '"futureCertificate"')],
    ['Windows line ends', text.replace(/\\n/g, '\\r\\n')],
    ['a user whose name leads elsewhere', text.replace('"azureuser"', '"../../root/x"')],
    ['a user whose name is a command', text.replace('"azureuser"', '"a; touch /tmp/x"')],
    ['a pool whose name is a command', text.replace('"linuxpool"', '"$(reboot)"')],
    ['too few peers', text.replace('"count": 3', '"count": 5')],
  ])('%s', async (_name, model) => {
    expect(model).not.toBe(text);
    expect(await rotateWith(model)).toBe(exitCodes.usage);
    expect(connections).toBe(0);
    expect(readdirSync(root)).toEqual(['apimodel.json']);
  });
  it('a location that is not the model’s', async () => {
    expect(await rotateWith(text, '--location', 'East US')).toBe(exitCodes.usage);
    expect(connections).toBe(0);
  });
  it('a key that is none is told before anything is connected, too', async () => {
    expect(await rotateWith(text)).toBe(exitCodes.usage);
    expect(connections).toBe(0);
  });
});
