import { mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { address, failure, fleet, jump, node, pack, reopen, useFleet } from './testing/fleet.js';

useFleet();

describe('run', () => {
  it('passes arguments unchanged, over one connection to each machine', async () => {
    const shell = fleet.shell(address);
    const args = ['a b', "it's", '$HOME', '', 'new\nline'];
    expect((await shell.run('echo', args)).stdout).toBe(args.map((arg) => `${arg}|`).join(''));
    expect((await fleet.shell(address).run('utf8')).stdout).toBe('grün');
    expect(fleet.shell({ ...address })).toBe(shell);
    expect([jump.connections, node.connections]).toEqual([1, 1]);
    expect(node.commands.at(-1)).toBe(
      `sudo -n /bin/sh "\${KEYROLL_ROOT-}"/var/lib/keyroll/scripts-${pack.hash}/utf8.sh`,
    );
  });

  it('sends several MiB to standard input', async () => {
    const { stdout } = await fleet
      .shell(address)
      .run('count', [], { stdin: 'Á\n\n'.repeat((9 * 1024 * 1024) / 4) });
    expect(stdout.trim()).toBe(String(9 * 1024 * 1024));
  });

  it('does not wait for a script to read what it does not want', async () => {
    const result = await fleet.shell(address).run('ignore', [], { stdin: '.'.repeat(9 * 1024 * 1024) });
    expect(result.code).toBe(0);
  });

  it('throws for another exit code than 0, with the last line and all of standard error', async () => {
    const error = await failure(fleet.shell(address).run('exit', ['7']));
    expect(error.message).toBe('node k8s-master-0: exit failed (exit 7): last words');
    expect(error).toMatchObject({
      code: 7,
      stderr: 'first\nlast words\n',
      script: 'exit',
      node: 'k8s-master-0',
      connectionLost: false,
    });
  });

  it('returns the code when failure is allowed, 128 + n for a signal', async () => {
    const shell = fleet.shell(address);
    expect(await shell.run('exit', ['7'], { allowFailure: true })).toEqual({
      code: 7,
      stdout: 'out\n',
      stderr: 'first\nlast words\n',
    });
    expect((await shell.run('killed', [], { allowFailure: true })).code).toBe(137);
  });

  it('throws when a script takes too long, and goes on working', async () => {
    const shell = fleet.shell(address);
    const error = await failure(shell.run('sleep', ['60'], { timeoutMs: 300 }));
    expect(error.message).toBe(
      'node k8s-master-0: sleep did not end within 0.3 s (last line of standard error: before); it may still be running there',
    );
    expect(error.failure).toBe('timeout');
    expect((await shell.run('echo', ['x'])).stdout).toBe('x|');
  });

  it('queues 30 runs at once, 8 at a time on a connection', async () => {
    const shell = fleet.shell(address);
    const runs = Array.from(
      { length: 30 },
      async (_, index) => (await shell.run('echo', [String(index)])).stdout,
    );
    expect(await Promise.all(runs)).toEqual(Array.from({ length: 30 }, (_, index) => `${index}|`));
    expect(node.mostRunning).toBeLessThanOrEqual(8);
    expect(node.connections).toBe(1);
  });

  it('asks again for a session that sshd refuses for the moment', async () => {
    node.faults.refuseSessions = 5;
    expect((await fleet.shell(address).run('echo', ['x'])).stdout).toBe('x|');
    expect(node.connections).toBe(1);
  });

  it('rejects a script that is not there', async () => {
    await expect(fleet.shell(address).run('nothing')).rejects.toThrow('nothing.sh is not among the scripts');
    expect(jump.connections).toBe(0);
  });
});

describe('the scripts on a node', () => {
  const installed = (): string => join(node.folder, pack.folder);

  it('are installed once, whole and for root alone', async () => {
    await fleet.shell(address).run('echo');
    expect(readdirSync(installed()).sort()).toEqual(['.complete', ...pack.files.keys()].sort());
    for (const [name, content] of pack.files)
      expect(readFileSync(join(installed(), name)).equals(content)).toBe(true);
    expect(statSync(installed()).mode & 0o777).toBe(0o700);
    const changed = statSync(join(installed(), 'echo.sh')).mtimeMs;
    await reopen();
    await fleet.shell(address).run('echo');
    expect(statSync(join(installed(), 'echo.sh')).mtimeMs).toBe(changed);
  });

  it('are installed again over a half installed pack', async () => {
    mkdirSync(installed(), { recursive: true });
    writeFileSync(join(installed(), 'echo.sh'), 'echo half');
    expect((await fleet.shell(address).run('echo', ['x'])).stdout).toBe('x|');
  });

  it('have a hash over names and contents', () => {
    expect(pack.hash).toMatch(/^[0-9a-f]{12}$/);
    expect(pack.files.has('install-scripts.sh')).toBe(false);
  });
});

describe('converse', () => {
  it('talks line by line', async () => {
    const talk = await fleet.shell(address).converse('talk');
    talk.send('one');
    talk.send('two');
    expect(await talk.receive(5000)).toBe('got one');
    expect(await talk.receive(5000)).toBe('got two');
    expect(await talk.close()).toEqual({ code: 3, stdout: 'rest\n', stderr: '' });
  });

  it('throws when no line comes in time, or the script ends first', async () => {
    const talk = await fleet.shell(address).converse('talk');
    expect((await failure(talk.receive(100))).failure).toBe('timeout');
    talk.send('late');
    expect(await talk.receive(5000)).toBe('got late');
    await talk.close();
    expect(await talk.receive(5000)).toBe('rest');
    expect((await failure(talk.receive(5000))).code).toBe(3);
    const short = await fleet.shell(address).converse('exit', ['0']);
    expect(await short.receive(5000)).toBe('out');
    expect((await failure(short.receive(5000))).message).toContain('another line was expected');
  });

  it('tells when the connection breaks', async () => {
    const talk = await fleet.shell(address).converse('talk');
    const waiting = failure(talk.receive(20_000));
    node.cut();
    expect((await waiting).connectionLost).toBe(true);
    expect((await failure(talk.close())).connectionLost).toBe(true);
  });
});

describe('connect', () => {
  it('makes TCP connections from the jump host and from a node', async () => {
    const server = createServer((socket) => socket.end('hello'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    for (const from of [fleet, fleet.shell(address)]) {
      const stream = await from.connect('127.0.0.1', port);
      const chunks: Buffer[] = [];
      for await (const chunk of stream) chunks.push(chunk as Buffer);
      expect(Buffer.concat(chunks).toString()).toBe('hello');
    }
    server.close();
    await expect(fleet.connect('127.0.0.1', 1)).rejects.toThrow(
      'jump host 127.0.0.1: no connection from there to 127.0.0.1 port 1',
    );
  });
});
