import type { Deadlines } from './deadlines.js';
import { endpointOf, identityOf, type Endpoint, type Identity } from './endpoint.js';
import type { Transport } from './exchange.js';
import { FreshTransport } from './fresh.js';
import { KeptHttp1Transport } from './kept-http1.js';
import { KeptHttp2Transport } from './kept-http2.js';
import type { ClassConfig, ClassStats, Credentials } from './types.js';

export const DEFAULT_RATE = 10.5;

/** What all classes of one probe share. */
export interface Surroundings {
  readonly deadlines: Deadlines;
  readonly timeoutMs: number;
  /** In which the first request must succeed. */
  readonly startTimeoutMs: number;
  /** How long what is asked at the end is tried again. */
  readonly readBackTimeoutMs: number;
}

/** One class of requests, which can be started and stopped again and again. */
export interface ProbeClass {
  readonly name: string;
  /** Its first request, not counted. @throws Error when none succeeds in time */
  prepare(): Promise<void>;
  start(offsetMs: number): void;
  /** Sends nothing more and waits for what is under way. */
  stop(): Promise<void>;
  /** At the end, when all classes have stopped: checks what can be checked only then, and cleans up. */
  conclude(): Promise<void>;
  setCredentials(credentials: Credentials, reconnect: boolean): void;
  stats(): ClassStats;
  close(): void;
}

/** How many requests may be under way: all that come together in the time each has, and some more. */
export function limitFor(ratePerSecond: number, timeoutMs: number): number {
  return Math.max(60, Math.ceil((ratePerSecond * timeoutMs * 1.2) / 1000));
}

/** @throws TypeError, or OpenSSL's error for bad PEM */
export function transportOf(config: ClassConfig): Transport {
  const endpoints = config.targets.map(endpointOf);
  const identity = identityOf(config.credentials);
  return chosenTransport(config, endpoints, identity);
}

function chosenTransport(config: ClassConfig, endpoints: Endpoint[], identity: Identity): Transport {
  const kind = config.kind === 'write' ? (config.transport ?? 'kept-http2') : config.kind;
  switch (kind) {
    case 'kept-http1':
      return new KeptHttp1Transport(
        endpoints,
        identity,
        'connections' in config ? (config.connections ?? 2) : 2,
      );
    case 'kept-http2':
      return new KeptHttp2Transport(endpoints, identity);
    case 'fresh':
    case 'watch':
      return new FreshTransport(endpoints, identity);
  }
}
