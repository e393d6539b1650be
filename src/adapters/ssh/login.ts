import type { Duplex } from 'node:stream';
import type { BaseAgent } from 'ssh2';
import type { SshKey } from './key.js';
import type { HostKeys, HostName } from './known-hosts.js';

/** What proves who we are: a key, an agent that signs, or a password. */
export type Identity =
  { readonly key: SshKey } | { readonly agent: BaseAgent } | { readonly password: string };

/** What all connections of a fleet share. */
export interface Login {
  readonly username: string;
  readonly identity: Identity;
  readonly hostKeys: HostKeys;
  readonly keepaliveMs: number;
  readonly connectTimeoutMs: number;
}

/** Where a connection goes: by TCP from here, or over a stream through the jump host. */
export interface Target {
  /** How messages call it: `jump host H` or `node N`. */
  readonly label: string;
  readonly host: HostName;
  readonly stream?: Duplex;
}
