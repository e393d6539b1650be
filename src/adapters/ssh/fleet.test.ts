import { type ChildProcess, spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { type AddressInfo, type Socket, connect as connectTcp, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ssh2, { type Connection as ServerConnection, type Server } from 'ssh2';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { RemoteError } from './error.js';
import { type FleetOptions, openFleet } from './fleet.js';
import { HostKeyError, HostKeys } from './known-hosts.js';
import { type ScriptPack, loadScripts } from './scripts.js';
import type { Fleet } from './types.js';

const root = mkdtempSync(join(tmpdir(), 'keyroll-fleet-'));
const user = ssh2.utils.generateKeyPairSync('ed25519');
const stranger = ssh2.utils.generateKeyPairSync('ed25519');

/** What a test makes a machine do wrong. */
interface Faults {
  /** Cut the connection when a session is opened or a command arrives, this many times. */
  cutAtSession: number;
  cutAtExec: number;
  refuseExec: boolean;
  /** Refuse this many sessions, as sshd does above MaxSessions. */
  refuseSessions: number;
  sudo: 'works' | 'asks';
}

/** A machine: an SSH server on 127.0.0.1 that runs commands by /bin/sh below a folder of its own, as a jump host too. */
class Machine {
  readonly faults: Faults = {
    cutAtSession: 0,
    cutAtExec: 0,
    refuseExec: false,
    refuseSessions: 0,
    sudo: 'works',
  };
  readonly commands: string[] = [];
  readonly clients = new Set<ServerConnection>();
  readonly sockets = new Set<Socket>();
  readonly children = new Set<ChildProcess>();
  connections = 0;
  authentications = 0;
  running = 0;
  mostRunning = 0;
  readonly folder: string;
  #server: Server;
  port = 0;

  constructor(name: string, hostKey: string) {
    this.folder = join(root, name);
    mkdirSync(join(this.folder, 'bin'), { recursive: true });
    const sudo = join(this.folder, 'bin', 'sudo');
    writeFileSync(sudo, fakeSudo);
    chmodSync(sudo, 0o755);
    this.#server = this.#serve(hostKey);
  }

  /** Starts again with another host key on the same port. */
  async reinstall(hostKey: string): Promise<void> {
    await this.stop();
    this.#server = this.#serve(hostKey);
    await this.start();
  }

  start(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.listen(this.port, '127.0.0.1', () => {
        this.port = (this.#server.address() as AddressInfo).port;
        resolve();
      });
    });
  }

  async stop(): Promise<void> {
    this.cut();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  /** Breaks all connections without a goodbye. */
  cut(): void {
    for (const child of this.children) child.kill('SIGKILL');
    for (const socket of this.sockets) socket.resetAndDestroy();
  }

  #serve(hostKey: string): Server {
    const algorithms = { kex: ['curve25519-sha256@libssh.org' as const] };
    const server = new ssh2.Server({ hostKeys: [hostKey], algorithms }, (client) => this.#accept(client));
    // ssh2's server has no public access to the sockets that a test must cut.
    (server as unknown as { _srv: ReturnType<typeof createServer> })._srv.prependListener(
      'connection',
      (socket: Socket) => {
        this.sockets.add(socket.setNoDelay(true));
        socket.on('close', () => this.sockets.delete(socket));
      },
    );
    return server;
  }

  #accept(client: ServerConnection): void {
    this.connections += 1;
    this.clients.add(client);
    client.on('error', () => undefined);
    client.on('close', () => this.clients.delete(client));
    client.on('authentication', (context) => {
      this.authentications += 1;
      const allowed = ssh2.utils.parseKey(user.public);
      if (allowed instanceof Error) throw allowed;
      if (context.method === 'publickey' && context.key.data.equals(allowed.getPublicSSH())) context.accept();
      else context.reject(['publickey']);
    });
    client.on('tcpip', (accept, reject, info) => {
      const socket = connectTcp({ port: info.destPort, host: info.destIP, noDelay: true });
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        const channel = accept();
        channel.on('error', () => socket.destroy()).on('close', () => socket.destroy());
        socket.on('error', () => channel.close());
        socket.pipe(channel).pipe(socket);
      });
    });
    client.on('session', (accept, reject) => {
      if (this.faults.cutAtSession > 0) {
        this.faults.cutAtSession -= 1;
        this.cut();
        return;
      }
      if (this.running >= 10 || this.faults.refuseSessions > 0) {
        this.faults.refuseSessions -= 1;
        reject();
        return;
      }
      const session = accept();
      session.on('exec', (acceptExec, rejectExec, { command }) => {
        if (command.includes('install-scripts') ? false : this.faults.cutAtExec > 0) {
          this.commands.push(command);
          this.faults.cutAtExec -= 1;
          this.cut();
          return;
        }
        if (this.faults.refuseExec) {
          rejectExec();
          return;
        }
        this.commands.push(command);
        this.#run(command, acceptExec());
      });
    });
  }

  #run(command: string, channel: ssh2.ServerChannel): void {
    this.running += 1;
    this.mostRunning = Math.max(this.mostRunning, this.running);
    const env = {
      PATH: `${join(this.folder, 'bin')}:${process.env['PATH'] ?? ''}`,
      KEYROLL_ROOT: this.folder,
      SUDO: this.faults.sudo,
    };
    const child = spawn('/bin/sh', ['-c', command], { env });
    this.children.add(child);
    channel.on('error', () => undefined);
    child.stdin.on('error', () => undefined);
    channel.pipe(child.stdin);
    child.stdout.pipe(channel, { end: false });
    child.stderr.pipe(channel.stderr, { end: false });
    channel.on('close', () => child.kill());
    child.on('close', (code, signal) => {
      this.children.delete(child);
      this.running -= 1;
      channel.exit(...((signal === null ? [code ?? 0] : [signal.replace('SIG', '')]) as [number]));
      channel.close();
    });
  }
}

/** As sudo -n, with paths below the machine's folder. */
const fakeSudo = `#!/bin/sh
[ "$SUDO" = works ] || { echo 'sudo: a password is required' >&2; exit 1; }
[ "$1" = -n ] || { echo 'sudo without -n' >&2; exit 99; }
shell=$2; script=$3; shift 3
case $script in /var/lib/keyroll/*) script=$KEYROLL_ROOT$script ;; esac
exec "$shell" "$script" "$@"
`;

const scripts: Readonly<Record<string, string>> = {
  'echo.sh': 'printf "%s|" "$@"',
  'count.sh': 'wc -c',
  'exit.sh': 'echo out; printf "first\\nlast words\\n" >&2; exit "$1"',
  'killed.sh': 'kill -9 $$',
  'ignore.sh': 'exit 0',
  'sleep.sh': 'echo before >&2; exec sleep "$1"',
  'mark.sh': 'echo run >>"$KEYROLL_ROOT/runs"; [ $# -eq 0 ] || exec sleep "$1"',
  'talk.sh': 'while read -r line; do echo "got $line"; done; printf "rest\\n"; exit 3',
  'utf8.sh': 'printf "gr\\303\\274n"',
  'probe.py': 'print(1)\n',
};

let pack: ScriptPack;
let jump: Machine;
let node: Machine;
let fleet: Fleet;
let own: string;
let cases = 0;
const hostKeyOf = { jump: newHostKey(), node: newHostKey(), other: newHostKey() };

function newHostKey(): { private: string; public: string } {
  return ssh2.utils.generateKeyPairSync('ed25519');
}

beforeAll(async () => {
  const folder = join(root, 'scripts');
  mkdirSync(folder);
  for (const [name, text] of Object.entries(scripts)) writeFileSync(join(folder, name), text);
  const real = await loadScripts();
  writeFileSync(join(folder, 'install-scripts.sh'), real.installer);
  writeFileSync(join(folder, 'with-input.sh'), real.files.get('with-input.sh') ?? '');
  mkdirSync(join(folder, 'windows'));
  writeFileSync(join(folder, 'windows', 'rotate-agent.ps1'), 'Write-Output none');
  pack = await loadScripts(folder);
});

beforeEach(async () => {
  cases += 1;
  own = join(root, `own-${cases}`, 'known_hosts');
  jump = new Machine(`jump-${cases}`, hostKeyOf.jump.private);
  node = new Machine(`node-${cases}`, hostKeyOf.node.private);
  await Promise.all([jump.start(), node.start()]);
  fleet = open();
});

afterEach(async () => {
  await fleet.close();
  await Promise.all([jump.stop(), node.stop()]);
});
afterAll(() => rmSync(root, { recursive: true }));

function open(options: Partial<FleetOptions> = {}): Fleet {
  return openFleet({
    jump: { host: '127.0.0.1', port: jump.port },
    username: 'azureuser',
    identity: { key: { text: user.private } },
    hostKeys: new HostKeys({ own }),
    scripts: pack,
    nodePort: node.port,
    ...options,
  });
}

async function reopen(options: Partial<FleetOptions> = {}): Promise<void> {
  await fleet.close();
  fleet = open(options);
}

const address = { name: 'k8s-master-0', address: '127.0.0.1' };

async function failure(action: Promise<unknown>): Promise<RemoteError> {
  const error: unknown = await action.then(
    () => new Error('nothing was thrown'),
    (thrown: unknown) => thrown,
  );
  if (error instanceof RemoteError) return error;
  throw error;
}

async function until(condition: () => boolean): Promise<void> {
  for (let tries = 0; !condition(); tries += 1) {
    if (tries > 1000) throw new Error('the condition did not come true within 10 s');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

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
      .run('count', [], { stdin: Buffer.alloc(9 * 1024 * 1024, 7) });
    expect(stdout.trim()).toBe(String(9 * 1024 * 1024));
  });

  it('does not wait for a script to read what it does not want', async () => {
    const result = await fleet.shell(address).run('ignore', [], { stdin: Buffer.alloc(9 * 1024 * 1024) });
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
    await expect(fleet.shell(address).run('echo')).rejects.toThrow('it presents ssh-ed25519 SHA256:');
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
    const extra = join(root, `revoked-${cases}`);
    writeFileSync(extra, `@revoked * ${hostKeyOf.node.public}`);
    await reopen({ hostKeys: new HostKeys({ own, extra }) });
    await expect(fleet.shell(address).run('echo')).rejects.toThrow('is marked @revoked');
    expect(node.authentications).toBe(0);
  });

  it('of another type than the known one count as changed', async () => {
    const extra = join(root, `type-${cases}`);
    const rsa = ssh2.utils.generateKeyPairSync('rsa', { bits: 2048 });
    writeFileSync(extra, `[k8s-master-0]:${node.port} ${rsa.public}`);
    await reopen({ hostKeys: new HostKeys({ own, extra }) });
    await expect(fleet.shell(address).run('echo')).rejects.toThrow('no key of a type known for it');
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
