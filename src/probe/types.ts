/** What proves who a client is and whom it trusts. All PEM. Travels only through `workerData` and `postMessage`. */
export interface Credentials {
  /** The only CAs that are trusted, one or more certificates. */
  readonly ca?: string;
  /** Client certificate chain; together with `key`. */
  readonly cert?: string;
  readonly key?: string;
  /** Bearer token, without the word `Bearer`. */
  readonly token?: string;
}

/** Where requests go: `server` (`https://host:port`) is the name that the certificate must carry. */
export interface Target {
  readonly server: string;
  /** The address to dial, when it is not the host of `server`. */
  readonly connectHost?: string;
  /** The port to dial, when it is not the port of `server`. */
  readonly connectPort?: number;
}

interface ClassBase {
  readonly name: string;
  /** Requests are spread over these in turn. */
  readonly targets: readonly Target[];
  readonly credentials: Credentials;
  /** Default 10.5: a little more than the 10 that are promised. */
  readonly ratePerSecond?: number;
  /** `false`: only `startClass` starts it. Default `true`. */
  readonly autostart?: boolean;
}

/** GETs of one path: a new connection for each request, or kept connections. */
export interface ReadClassConfig extends ClassBase {
  readonly kind: 'fresh' | 'kept-http1' | 'kept-http2';
  readonly path: string;
  /** Connections kept open to each target (`kept-http1`; HTTP/2 needs one). Default 2. */
  readonly connections?: number;
}

/** Writes of unique keys into ConfigMaps, each of which must be there at the end. */
export interface WriteClassConfig extends ClassBase {
  readonly kind: 'write';
  /** Must exist. */
  readonly namespace: string;
  /** Default `kept-http2`, as client-go. */
  readonly transport?: 'kept-http1' | 'kept-http2';
  /** A ConfigMap is left for the next one after this many keys. Default 100. */
  readonly keysPerObject?: number;
}

/** One watch on the ConfigMaps of a write class: no event of an acknowledged write may be missed. */
export interface WatchClassConfig extends ClassBase {
  readonly kind: 'watch';
  /** Name of the write class, which must be in the same probe. */
  readonly of: string;
}

export type ClassConfig = ReadClassConfig | WriteClassConfig | WatchClassConfig;

export interface ProbeConfig {
  readonly classes: readonly ClassConfig[];
  /** A plain HTTP server outside the cluster; when it stalls too, this machine is to blame. */
  readonly control?: { readonly host: string; readonly port: number };
  /** How often `onStats` is called. Default 1000. */
  readonly statsEveryMs?: number;
  /** In which the first request of every class must succeed. Default 10 000. */
  readonly startTimeoutMs?: number;
  /** After which a request without an answer has failed. Default 5000. */
  readonly timeoutMs?: number;
  /** How long reading back and deleting what was written is tried again at the end. Default 30 000. */
  readonly readBackTimeoutMs?: number;
}

export interface FailureRecord {
  /** ISO 8601, when the request was (first) sent. */
  readonly at: string;
  readonly error: string;
  readonly latencyMs: number;
  /** Address, and connection if it was a kept one. */
  readonly via: string;
}

/** Figures of one class. Times in ms, rounded to 0.1. */
export interface ClassStats {
  readonly running: boolean;
  /** How long the class ran in all. */
  readonly seconds: number;
  readonly requests: number;
  readonly failed: number;
  /** Sent again because a kept connection closed before any byte of the answer. */
  readonly resent: number;
  /** Due, but not sent: too many were outstanding, or this machine stalled. 0 unless something is badly wrong. */
  readonly skipped: number;
  /** The longest time between two successive successful answers while the class ran. */
  readonly longestGapMs: number;
  readonly longestGapAt?: string;
  /** Pods: for how long the probing pods did not run; such time is no waiting for an answer. */
  readonly stalledMs?: number;
  /** From the first sending to the whole answer or the failure. */
  readonly longestLatencyMs: number;
  readonly longestLatencyAt?: string;
  /** The first 50. */
  readonly failures: readonly FailureRecord[];
  /** `write`: acknowledged by the API server. */
  readonly acknowledged?: number;
  /** `write`, after `finish`: acknowledged and not there. Absent as long as it is not known. */
  readonly lost?: number;
  readonly lostKeys?: readonly string[];
  /** `write`: why nothing is known about lost writes, or why the ConfigMaps are still there. */
  readonly readBackError?: string;
  /** `watch`: events received. They count as requests too, since each answers one write. */
  readonly events?: number;
  /** `watch`: how often it was established again. */
  readonly reestablished?: number;
  /** `watch`, after it was stopped: events of acknowledged writes that never came. */
  readonly missed?: number;
}

/** What probing costs. */
export interface WorkerCost {
  readonly seconds: number;
  /** CPU time of the worker's thread, TLS included. */
  readonly cpuMs: number;
  readonly cpuPercent: number;
  /** Where `cpuMs` comes from; `active-time` is an upper bound. */
  readonly cpuSource: 'thread' | 'active-time';
  /** Heap and buffers of the worker, in MB (10^6). */
  readonly memoryMb: number;
  readonly eventLoopMaxMs: number;
  readonly eventLoopP99Ms: number;
  /** Time in which the worker did not run at all; it is taken off the 5 s that a request has. */
  readonly stalledMs: number;
}

export interface ProbeStats {
  readonly at: string;
  readonly classes: Readonly<Record<string, ClassStats>>;
  readonly control?: ClassStats;
  readonly worker: WorkerCost;
}
