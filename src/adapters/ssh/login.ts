import type { Duplex } from 'node:stream';
import type { HostKeys, HostName } from './known-hosts.js';

/** What all connections of a fleet share. */
export interface Login {
  readonly username: string;
  readonly privateKey: string | Buffer;
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
