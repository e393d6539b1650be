import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import ssh2 from 'ssh2';
import { describe, expect, it } from 'vitest';
import { HostKeyError, HostKeys } from './known-hosts.js';
import { address, fleet, hostKeyOf, jump, node, own, reopen, useFleet } from './testing/fleet.js';

useFleet();

describe('host keys', () => {
  it('that are unknown are recorded before authentication and reported', async () => {
    await fleet.shell(address).run('echo');
    expect(fleet.recordedHostKeys.map((each) => each.host)).toEqual([
      `[127.0.0.1]:${jump.port}`,
      `[k8s-master-0]:${node.port}`,
    ]);
    await reopen();
    await fleet.shell(address).run('echo');
    expect(fleet.recordedHostKeys).toEqual([]);
  });

  it('that are unknown are refused when strict, before authentication', async () => {
    await reopen({ hostKeys: new HostKeys({ own, strict: true }) });
    await expect(fleet.shell(address).run('echo')).rejects.toThrow(HostKeyError);
    expect([jump.authentications, existsSync(own)]).toEqual([0, false]);
  });

  it('that changed stop everything before authentication, on the node and on the jump host', async () => {
    await fleet.shell(address).run('echo');
    await reopen();
    await node.reinstall(hostKeyOf.other.private);
    node.authentications = 0;
    await expect(fleet.shell(address).run('echo')).rejects.toThrow('it presents ecdsa-sha2-nistp256 SHA256:');
    expect(node.authentications).toBe(0);
    await reopen();
    await jump.reinstall(hostKeyOf.other.private);
    jump.authentications = 0;
    await expect(fleet.shell(address).run('echo')).rejects.toThrow(
      `host [127.0.0.1]:${jump.port}: it presents`,
    );
    expect(jump.authentications).toBe(0);
  });

  it('that changed while the run goes on stop it too', async () => {
    await fleet.shell(address).run('echo');
    await node.reinstall(hostKeyOf.other.private);
    await expect(fleet.shell(address).run('echo')).rejects.toThrow(HostKeyError);
  });

  it('that are revoked are refused', async () => {
    const extra = join(node.folder, 'revoked');
    writeFileSync(extra, `@revoked * ${hostKeyOf.node.public}`);
    await reopen({ hostKeys: new HostKeys({ own, extra }) });
    await expect(fleet.shell(address).run('echo')).rejects.toThrow('is marked @revoked');
    expect(node.authentications).toBe(0);
  });

  it('of another type than the known one count as changed', async () => {
    const extra = join(node.folder, 'other-type');
    const rsa = ssh2.utils.generateKeyPairSync('rsa', { bits: 2048 });
    writeFileSync(extra, `[k8s-master-0]:${node.port} ${rsa.public}`);
    await reopen({ hostKeys: new HostKeys({ own, extra }) });
    await expect(fleet.shell(address).run('echo')).rejects.toThrow('no key of a type known for it');
  });
});
