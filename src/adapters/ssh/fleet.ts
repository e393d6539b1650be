import type { Duplex } from 'node:stream';
import { connectSsh } from './connect.js';
import type { Connection } from './connection.js';
import { forwardFrom } from './forward.js';
import type { HostKeys } from './known-hosts.js';
import { Link } from './link.js';
import type { Identity, Login } from './login.js';
import type { ScriptPack } from './scripts.js';
import { SshShell } from './shell.js';
import { windowsShell } from './windows.js';
import type { Fleet, NodeAddress, NodeShell, WindowsShell } from './types.js';

export interface FleetOptions {
  readonly jump: { readonly host: string; readonly port: number };
  readonly username: string;
  /** As `readPrivateKey` or `agentWith` returns it. */
  readonly identity: Identity;
  readonly hostKeys: HostKeys;
  readonly scripts: ScriptPack;
  /** Pause between keepalives; four without an answer mean a lost connection. Default 5 000. */
  readonly keepaliveMs?: number;
  /** Upper bound for one connection to become usable. Default 20 000. */
  readonly connectTimeoutMs?: number;
  /** For how long a host that was reached before is tried again. Default 30 000. */
  readonly reconnectMs?: number;
  /** The nodes' SSH port. Default 22. */
  readonly nodePort?: number;
  /** Who is the administrator of Windows nodes; needed only where there are such nodes. */
  readonly windows?: { readonly username: string; readonly password: string } | undefined;
}

/** How long the end of a connection may take before it is cut. */
const closePatienceMs = 1_000;

/**
 * The machines behind one jump host. Nothing is connected yet: the first use of a shell does that, with one
 * connection to the jump host and one through it to each node, the jump host's own node included.
 */
export function openFleet(options: FleetOptions): Fleet {
  return new SshFleet(options);
}

class SshFleet implements Fleet {
  readonly #options: FleetOptions;
  readonly #login: Login;
  readonly #reconnectMs: number;
  readonly #jump: Link;
  readonly #nodes = new Map<string, { shell: NodeShell; link: Link }>();
  readonly #windows = new Map<string, Link>();

  constructor(options: FleetOptions) {
    const { username, identity, hostKeys, keepaliveMs = 5_000, connectTimeoutMs = 20_000 } = options;
    this.#options = options;
    this.#login = { username, identity, hostKeys, keepaliveMs, connectTimeoutMs };
    this.#reconnectMs = options.reconnectMs ?? 30_000;
    this.#jump = new Link(() => this.#connectJump(), this.#reconnectMs);
  }

  get recordedHostKeys(): Fleet['recordedHostKeys'] {
    return this.#options.hostKeys.recorded;
  }

  shell(node: NodeAddress): NodeShell {
    const id = `${node.name} ${node.address}`;
    const known = this.#nodes.get(id);
    if (known) return known.shell;
    const link = new Link(() => this.#connectNode(node), this.#reconnectMs);
    const shell = new SshShell(node, link, this.#options.scripts, this.#login.connectTimeoutMs);
    this.#nodes.set(id, { shell, link });
    return shell;
  }

  windows(node: NodeAddress, folder: string): WindowsShell {
    const { windows, scripts } = this.#options;
    if (!windows) throw new Error(`node ${node.name}: no administrator of Windows nodes is known`);
    const identity = { password: windows.password };
    const login = { ...this.#login, username: windows.username, identity };
    const id = `${node.name} ${node.address}`;
    const link = this.#windows.get(id) ?? new Link(() => this.#connectNode(node, login), this.#reconnectMs);
    this.#windows.set(id, link);
    return windowsShell(node, link, scripts.windows, folder);
  }

  connect(host: string, port: number): Promise<Duplex> {
    return this.#forward({ host, port });
  }

  /** Ends all connections, the nodes' first; waits about two seconds at most. */
  async close(): Promise<void> {
    const links = [...[...this.#nodes.values()].map(({ link }) => link), ...this.#windows.values()];
    await Promise.all(links.map((link) => link.close(closePatienceMs)));
    await this.#jump.close(closePatienceMs);
  }

  #connectJump(): Promise<Connection> {
    const { host, port } = this.#options.jump;
    return connectSsh({ label: `jump host ${host}`, host: { name: host, port } }, this.#login);
  }

  async #connectNode(node: NodeAddress, login = this.#login): Promise<Connection> {
    const port = this.#options.nodePort ?? 22;
    const stream = await this.#forward({ host: node.address, port });
    const host = { name: node.name, port, address: node.address };
    return connectSsh({ label: `node ${node.name}`, host, stream }, login);
  }

  #forward(to: { host: string; port: number }): Promise<Duplex> {
    const name = this.#options.jump.host;
    return forwardFrom({ label: `jump host ${name}`, name }, this.#jump, to, this.#login.connectTimeoutMs);
  }
}
