import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { type AddressInfo, type Socket, connect as connectTcp, type createServer } from 'node:net';
import { join } from 'node:path';
import ssh2, { type Connection as ServerConnection, type Server } from 'ssh2';

/** What a test makes a machine do wrong. */
export interface Faults {
  /** Cut the connection when a session is opened or a command arrives, this many times. */
  cutAtSession: number;
  cutAtExec: number;
  refuseExec: boolean;
  /** Refuse this many sessions, as sshd does above MaxSessions. */
  refuseSessions: number;
  sudo: 'works' | 'asks';
}

/** A machine: an SSH server on 127.0.0.1 that runs commands by /bin/sh below a folder of its own, as a jump host too. */
export class Machine {
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

  /**
   * @param root where its folder lies
   * @param userKey the public key of the one user that it lets in, as OpenSSH writes it
   */
  constructor(
    root: string,
    name: string,
    hostKey: string,
    private readonly userKey: string,
  ) {
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
      const allowed = ssh2.utils.parseKey(this.userKey);
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
