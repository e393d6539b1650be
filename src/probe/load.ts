import type { ClassConfig, Credentials, Target } from './types.js';

/** Reads and writes on kept connections, spread over servers. */
export interface LoadConfig {
  readonly readsPerSecond: number;
  readonly writesPerSecond: number;
  readonly targets: readonly Target[];
  readonly credentials: Credentials;
  /** For the ConfigMaps that are written; must exist. */
  readonly namespace: string;
  /** Default: the namespace itself. */
  readonly readPath?: string;
  /** Default `kept-http2`. */
  readonly transport?: 'kept-http1' | 'kept-http2';
}

/** The classes `load-read` and `load-write`: the probe's own code with other numbers. A rate of 0 leaves one out. */
export function loadClasses(load: LoadConfig): ClassConfig[] {
  const { targets, credentials, namespace } = load;
  const transport = load.transport ?? 'kept-http2';
  const path = load.readPath ?? `/api/v1/namespaces/${namespace}`;
  const reads: ClassConfig = {
    kind: transport,
    name: 'load-read',
    targets,
    credentials,
    path,
    ratePerSecond: load.readsPerSecond,
  };
  const writes: ClassConfig = {
    kind: 'write',
    name: 'load-write',
    targets,
    credentials,
    namespace,
    transport,
    ratePerSecond: load.writesPerSecond,
  };
  return [reads, writes].filter(({ ratePerSecond }) => ratePerSecond !== 0);
}
