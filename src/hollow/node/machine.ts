import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from '../commands/command.js';
import { conntrack } from '../commands/conntrack.js';
import { curl } from '../commands/curl.js';
import { etcdctlOf } from '../commands/etcdctl.js';
import { chown, stat } from '../commands/files.js';
import { iptables, iptablesRestore } from '../commands/iptables.js';
import { openssl } from '../commands/openssl.js';
import { pgrep } from '../commands/processes.js';
import { CommandServer } from '../commands/server.js';
import { systemctlOf, systemdRunOf } from '../commands/systemd.js';
import type { Listener } from '../contracts.js';
import type { Etcd } from '../etcd/index.js';
import { Sshd } from '../ssh/sshd.js';
import { Systemd } from '../systemd/systemd.js';
import { HollowNode, type NodeOptions } from './node.js';
import { Shell } from './shell.js';

export interface MachineOptions extends NodeOptions {
  readonly etcd: Etcd;
  readonly hostKey: string;
  readonly adminUser: string;
}

/** As on a node whose admin may do everything without a password: nothing has to be changed. */
const sudo = `#!/bin/sh
[ "$1" = -n ] || { echo "sudo: expected -n, found $1" >&2; exit 125; }
shift
exec "$@"
`;

/** A machine with what runs on it whatever its role: commands, services, sshd. */
export class HollowMachine {
  readonly node: HollowNode;
  readonly shell: Shell;
  readonly systemd: Systemd;
  readonly #commands: CommandServer;
  readonly #sshd: Sshd;
  readonly #onStop: (() => void)[] = [];
  #ssh: Listener | undefined;

  constructor(options: MachineOptions) {
    this.node = new HollowNode(options);
    const commands = new Map<string, Command>();
    this.#commands = new CommandServer(this.node, commands);
    this.shell = new Shell(this.node, this.#commands);
    this.systemd = new Systemd(this.shell);
    const all: Readonly<Record<string, Command>> = {
      curl,
      chown,
      conntrack,
      stat,
      iptables,
      'iptables-restore': iptablesRestore,
      openssl,
      pgrep,
      etcdctl: etcdctlOf(options.etcd),
      systemctl: systemctlOf(this.systemd),
      'systemd-run': systemdRunOf(this.systemd),
    };
    for (const [name, command] of Object.entries(all)) commands.set(name, command);
    this.#sshd = new Sshd({
      node: this.node,
      shell: this.shell,
      hostKey: options.hostKey,
      user: options.adminUser,
    });
  }

  /** Commands and sshd; services start with `systemd.boot`. */
  async start(): Promise<void> {
    this.#commands.start();
    writeFileSync(join(this.#commands.bin, 'sudo'), sudo, { mode: 0o755 });
    this.#ssh = await this.node.listen(22, (socket) => this.#sshd.accept(socket));
  }

  /**
   * Restarts it, as its cloud does: units and services end, then everything that runs, pods too; then it starts from its
   * disk. Resolves when its services are ready.
   */
  async reboot(): Promise<void> {
    this.node.log('reboots');
    await this.systemd.shutdown();
    await this.stop();
    this.node.boot();
    await this.start();
    await this.systemd.boot();
  }

  /** Called when everything on it ends, before its processes do. */
  whenStopped(work: () => void): void {
    this.#onStop.push(work);
  }

  /** Everything ends at once; nothing is left. */
  async stop(): Promise<void> {
    for (const work of this.#onStop) work();
    this.#ssh?.close();
    this.#sshd.cut();
    this.systemd.vanish();
    this.shell.killAll();
    await this.node.processes.killAll();
    this.node.network.cut();
    this.#commands.close();
  }
}
