import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import ssh2, { type Connection, type ServerChannel } from 'ssh2';
import type { HollowNode } from '../node/node.js';
import type { Shell } from '../node/shell.js';

export interface SshdOptions {
  readonly node: HollowNode;
  readonly shell: Shell;
  /** OpenSSH private key. */
  readonly hostKey: string;
  readonly user: string;
}

/** OpenSSH's MaxSessions. */
const mostSessions = 10;

/** A machine's sshd: logs in the admin user by public key, runs commands, forwards connections. */
export class Sshd {
  readonly #server: ssh2.Server;
  readonly #clients = new Set<Connection>();
  readonly #options: SshdOptions;

  constructor(options: SshdOptions) {
    this.#options = options;
    // The one key exchange that AKS Engine's sshd_config allows.
    const algorithms = { kex: ['curve25519-sha256@libssh.org' as const] };
    this.#server = new ssh2.Server(
      { hostKeys: [options.hostKey], algorithms, ident: 'OpenSSH_8.2p1' },
      (client) => this.#accept(client),
    );
  }

  /** A TCP connection to port 22. */
  accept(socket: Socket): void {
    this.#server.injectSocket(socket);
  }

  /** Cuts all connections. */
  cut(): void {
    for (const client of this.#clients) client.end();
  }

  #accept(client: Connection): void {
    const { node } = this.#options;
    let sessions = 0;
    this.#clients.add(client);
    client.on('error', (error) => node.log(`sshd: ${error.message}`));
    client.on('close', () => this.#clients.delete(client));
    client.on('authentication', (context) => {
      const trusted =
        context.method === 'publickey' &&
        context.username === this.#options.user &&
        this.#knows(context.key.data);
      // Without a signature the client only asks whether the key would do.
      if (context.method === 'publickey' && trusted && verified(context)) context.accept();
      else context.reject(['publickey']);
    });
    client.on('tcpip', (accept, reject, { destIP, destPort }) => {
      node.dial(node.network.network.names.get(destIP) ?? destIP, destPort).then(
        (socket) => forward(socket, accept()),
        (error: unknown) => {
          node.log(`sshd: direct-tcpip ${destIP}:${destPort}: ${String(error)}`);
          reject();
        },
      );
    });
    client.on('session', (accept, reject) => {
      if (sessions >= mostSessions) {
        reject();
        return;
      }
      sessions += 1;
      const session = accept();
      session.on('close', () => (sessions -= 1));
      session.on('exec', (acceptExec, _reject, { command }) => this.#run(command, acceptExec()));
    });
  }

  /** Read each time, as sshd does. */
  #knows(key: Buffer): boolean {
    const { node, user } = this.#options;
    const lines = readFileSync(node.path(`/home/${user}/.ssh/authorized_keys`), 'utf8')
      .split('\n')
      .filter(Boolean);
    return lines.some((line) => {
      const parsed = ssh2.utils.parseKey(line);
      return !(parsed instanceof Error) && parsed.getPublicSSH().equals(key);
    });
  }

  #run(command: string, channel: ServerChannel): void {
    const child = this.#options.shell.run(['/bin/sh', '-c', command], { stdin: 'pipe', output: 'pipe' });
    channel.on('error', () => undefined);
    if (child.stdin) channel.pipe(child.stdin);
    // As with sshd, a command sees the end of its input when the connection is lost.
    channel.on('close', () => child.stdin?.end());
    child.stdout?.pipe(channel, { end: false });
    child.stderr?.pipe(channel.stderr, { end: false });
    child.on('close', (code, signal) => {
      if (signal === null) channel.exit(code ?? 0);
      else channel.exit(signal.replace('SIG', ''));
      channel.close();
    });
  }
}

function verified(context: ssh2.PublicKeyAuthContext): boolean {
  if (context.signature === undefined || context.blob === undefined) return true;
  const key = ssh2.utils.parseKey(context.key.data);
  return !(key instanceof Error) && key.verify(context.blob, context.signature, context.hashAlgo);
}

function forward(socket: Socket, channel: ServerChannel): void {
  channel.on('error', () => socket.destroy()).on('close', () => socket.destroy());
  socket.on('error', () => channel.close());
  socket.pipe(channel).pipe(socket);
}
