import { mkdirSync } from 'node:fs';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import type { Listener, Machine } from '../contracts.js';
import type { HollowNode } from '../node/node.js';

/** What the programs of one pod see: its address, and its node's folders where they are mounted. */
export class PodMachine implements Machine {
  readonly name: string;
  readonly address: string;
  readonly #node: HollowNode;
  readonly #root: string;
  readonly #mounts: readonly { readonly inside: string; readonly outside: string }[];

  /** @param mounts by path inside; `outside` is absolute on this computer */
  constructor(
    node: HollowNode,
    name: string,
    address: string,
    root: string,
    mounts: ReadonlyMap<string, string>,
  ) {
    this.name = name;
    this.address = address;
    this.#node = node;
    this.#root = root;
    mkdirSync(root, { recursive: true });
    this.#mounts = [...mounts]
      .map(([inside, outside]) => ({ inside: inside.replace(/\/+$/, ''), outside }))
      .sort((a, b) => b.inside.length - a.inside.length);
  }

  path(file: string): string {
    const mount = this.#mounts.find(({ inside }) => file === inside || file.startsWith(`${inside}/`));
    return mount ? join(mount.outside, file.slice(mount.inside.length)) : join(this.#root, file);
  }

  listen(port: number, onConnection: (socket: Socket) => void): Promise<Listener> {
    return this.#node.network.listen(this.address, port, onConnection);
  }

  dial(host: string, port: number): Promise<Socket> {
    return this.#node.network.dial(this.address, host, port);
  }

  log(line: string): void {
    this.#node.log(`${this.name}: ${line}`);
  }
}
