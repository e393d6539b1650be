import { existsSync, readFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  address,
  failure,
  fleet,
  hostKeyOf,
  jump,
  node,
  reopen,
  stranger,
  until,
  useFleet,
} from './testing/fleet.js';

useFleet();

describe('a lost connection', () => {
  it('is opened again for the next run, to the node and to the jump host', async () => {
    const shell = fleet.shell(address);
    await shell.run('echo');
    node.cut();
    expect((await shell.run('echo', ['again'])).stdout).toBe('again|');
    jump.cut();
    expect((await shell.run('echo', ['once more'])).stdout).toBe('once more|');
    expect([jump.connections, node.connections]).toEqual([2, 3]);
  });

  it('is repeated when the command had not been sent', async () => {
    const shell = fleet.shell(address);
    await shell.run('echo');
    node.faults.cutAtSession = 2;
    expect((await shell.run('echo', ['x'])).stdout).toBe('x|');
    expect(node.faults.cutAtSession).toBe(0);
  });

  it('is not repeated when the command had been sent without an answer', async () => {
    const shell = fleet.shell(address);
    await shell.run('echo');
    const before = node.commands.length;
    node.faults.cutAtExec = 1;
    const error = await failure(shell.run('mark'));
    expect(error.connectionLost).toBe(true);
    expect(error.message).toContain('the connection broke while mark ran');
    expect(node.commands.length).toBe(before + 1);
  });

  it('is not repeated when the script ran', async () => {
    const shell = fleet.shell(address);
    const runs = join(node.folder, 'runs');
    const running = failure(shell.run('mark', ['60']));
    await until(() => existsSync(runs));
    node.cut();
    expect((await running).connectionLost).toBe(true);
    await shell.run('mark');
    expect(readFileSync(runs, 'utf8')).toBe('run\nrun\n');
  });

  it('is waited for while a host that was reached before restarts', async () => {
    const shell = fleet.shell(address);
    await shell.run('echo');
    await node.stop();
    const run = shell.run('echo', ['back']);
    await new Promise((resolve) => setTimeout(resolve, 1200));
    await node.reinstall(hostKeyOf.node.private);
    expect((await run).stdout).toBe('back|');
  });
});

describe('what is wrong on the way is said', () => {
  it('a key that is not accepted', async () => {
    await reopen({ identity: { key: { text: stranger.private } } });
    const error = await failure(fleet.shell(address).run('echo'));
    expect(error.failure).toBe('authentication');
    expect(error.message).toMatch(/^jump host 127\.0\.0\.1: the login as "azureuser" .* was refused; check/);
  });

  it('a jump host that does not answer, and one whose name does not resolve', async () => {
    await jump.stop();
    await reopen();
    const error = await failure(fleet.shell(address).run('echo'));
    expect(error.failure).toBe('unreachable');
    expect(error.message).toContain(`port ${jump.port} cannot be reached (connect ECONNREFUSED`);
    await reopen({ jump: { host: 'no-such-host.invalid', port: 22 } });
    const unresolved = await failure(fleet.shell(address).run('echo'));
    expect(unresolved.message).toContain('the name does not resolve');
    await jump.start();
  });

  it('a server that says nothing', async () => {
    const silent = createServer(() => undefined);
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    await reopen({
      jump: { host: '127.0.0.1', port: (silent.address() as AddressInfo).port },
      connectTimeoutMs: 300,
    });
    expect((await failure(fleet.shell(address).run('echo'))).failure).toBe('unreachable');
    silent.close();
  });

  it('a node that the jump host cannot reach', async () => {
    await node.stop();
    const error = await failure(fleet.shell(address).run('echo'));
    expect(error.failure).toBe('unreachable');
    expect(error.message).toContain(`no connection from there to 127.0.0.1 port ${node.port}`);
    await node.start();
  });

  it('sudo that asks for a password', async () => {
    node.faults.sudo = 'asks';
    const error = await failure(fleet.shell(address).run('echo'));
    expect(error.failure).toBe('sudo');
    expect(error.message).toContain('NOPASSWD');
  });

  it('an sshd that runs no commands', async () => {
    node.faults.refuseExec = true;
    const error = await failure(fleet.shell(address).run('echo'));
    expect(error.message).toContain('echo was refused (Unable to exec)');
    expect(error.connectionLost).toBe(false);
  });
});
