/**
 * Where the stand-ins of a hollow cluster meet: machines, the programs that run on them, etcd, and how long things take.
 * One process holds all machines of a cluster; what crosses between daemons still crosses as bytes over TCP and TLS.
 */
import type { Socket } from 'node:net';

/**
 * What a program sees of where it runs: a node, or the inside of one container (then `path` leads below the container's
 * root, and `address` is the pod's).
 */
export interface Machine {
  readonly name: string;
  /** Of 127.0.0.0/8. */
  readonly address: string;
  /** Absolute path on this computer of a file that the program calls `file` (absolute). */
  path(file: string): string;
  /**
   * Listens on all addresses that the machine has. Connections that are open when the listener closes live on.
   * @throws Error with code `EADDRINUSE` when another program of the machine holds the port
   */
  listen(port: number, onConnection: (socket: Socket) => void): Promise<Listener>;
  /**
   * A TCP connection as this machine would make it: 127.0.0.1 is the machine itself, the address of a Service leads to
   * one of its endpoints, and the machine's packet filter acts on it.
   * @throws Error with code `ECONNREFUSED`, `EHOSTUNREACH` or `ETIMEDOUT`
   */
  dial(host: string, port: number): Promise<Socket>;
  /** One line of the running program's log; never a secret. */
  log(line: string): void;
}

export interface Listener {
  /** Stops accepting. Repeatable. */
  close(): void;
}

/** What can be started on a machine, such as kube-apiserver. */
export interface Program {
  /**
   * Starts at once and does not throw: what is wrong with the arguments or the files is logged, and the program ends with
   * another code than 0, as a real process would.
   * `argv[0]` is the program's name or path.
   */
  start(argv: readonly string[], machine: Machine, environment?: Readonly<Record<string, string>>): Running;
}

export type Signal = 'TERM' | 'KILL' | 'HUP' | 'INT';

export interface Running {
  /** Delivers a signal. `KILL` ends the program before this returns: its ports are free, its connections are reset. */
  signal(name: Signal): void;
  /** The exit code; 128 + the signal's number for one that ended by a signal. Never rejects. */
  readonly ended: Promise<number>;
}

/** A running program as the machine's table of processes has it. */
export interface Process extends Running {
  readonly pid: number;
  readonly argv: readonly string[];
  /** ms since 1970. */
  readonly startedAt: number;
}

export interface KeyValue {
  readonly key: string;
  readonly value: string;
  readonly createRevision: number;
  /** Of the last change of this key. */
  readonly modRevision: number;
}

export interface EtcdEvent {
  readonly type: 'put' | 'delete';
  /** Of a deleted key: its last value, with the revision of the deletion as `modRevision`. */
  readonly now: KeyValue;
  /** Before the change; undefined when the key is new. */
  readonly before: KeyValue | undefined;
}

export interface RangeAnswer {
  /** Of the whole store, when it was read. */
  readonly revision: number;
  /** In the order of their keys. */
  readonly kvs: readonly KeyValue[];
}

/** What a conditional change found: `revision` of the change, or the key as it stands when the condition did not hold. */
export type ChangeAnswer =
  { readonly done: true; readonly revision: number } | { readonly done: false; readonly found?: KeyValue };

/**
 * A client's connection to one etcd member. All calls may reject with what real etcd says: `etcdserver: leader changed`,
 * `etcdserver: request timed out`, `context deadline exceeded`, or the loss of the connection.
 * Reads are linearizable (they need a leader and a quorum) unless `serializable`.
 */
export interface EtcdMember {
  range(prefix: string, options?: { readonly serializable?: boolean }): Promise<RangeAnswer>;
  get(key: string, options?: { readonly serializable?: boolean }): Promise<RangeAnswer>;
  /** `ifRevision`: only when the key's `modRevision` is this; 0: only when the key does not exist. */
  put(key: string, value: string, options?: { readonly ifRevision?: number }): Promise<ChangeAnswer>;
  delete(key: string, options?: { readonly ifRevision?: number }): Promise<ChangeAnswer>;
  /**
   * Tells all changes below `prefix` after revision `after`, in order, each exactly once, until `stop` or `onEnd`.
   * `onEnd` is called at most once, when the connection or the member is lost.
   */
  watch(
    prefix: string,
    after: number,
    onEvent: (event: EtcdEvent) => void,
    onEnd: (error: Error) => void,
  ): { stop(): void };
  /** Whether the connection still lives. */
  readonly open: boolean;
  close(): void;
}

export interface EtcdClientFiles {
  /** `https://host:port` */
  readonly endpoint: string;
  /** Paths as the program calls them. The CA is read once by the caller and given as PEM: etcd's clients never reread it. */
  readonly ca: string;
  readonly certFile: string;
  readonly keyFile: string;
}

/**
 * Connects to a member's client port by a strict TLS handshake, with the pair that lies in the files now, and hands out
 * the member. Rejects as a refused handshake or connection does.
 */
export type DialEtcd = (machine: Machine, files: EtcdClientFiles) => Promise<EtcdMember>;

/** What the programs of one cluster share. */
export interface Surroundings {
  readonly timings: Timings;
  readonly dialEtcd: DialEtcd;
}

/** How long the stand-ins themselves take, ms. */
export interface Timings {
  /** From the start of kube-apiserver until `/readyz` passes. */
  readonly apiServerStartMs: number;
  /** From the start of kube-controller-manager until it asks for its lease. */
  readonly controllerStartMs: number;
  /** From the start of an etcd member until it answers. */
  readonly etcdStartMs: number;
  /** How long etcd has no leader when the one it had is lost. */
  readonly etcdElectionMs: number;
  /** How long etcd's leadership takes to move when it is asked to. */
  readonly etcdMoveMs: number;
  /** One read or write of etcd. */
  readonly etcdRequestMs: number;
  /** How often kube-apiserver looks whether its certificates and CAs have changed (before 1.23). */
  readonly fileReloadMs: number;
  /** How often client-go looks whether its client certificate has changed. */
  readonly clientReloadMs: number;
  /** Validity of a leader's lease; it is renewed at two fifteenths of it. */
  readonly leaseMs: number;
  /** kubelet's status period. */
  readonly nodeStatusMs: number;
  readonly kubeletStartMs: number;
  /** From the choice of a node until a pod is Ready. */
  readonly podStartMs: number;
  /** From the deletion of a pod until it is gone, when its programs end at SIGTERM. */
  readonly podStopMs: number;
  /** Period of a watchdog's check; it looks away for six of them after a kill. */
  readonly watchdogMs: number;
  /** Period of the load balancer's TCP probe; two failures take a target out. */
  readonly balancerProbeMs: number;
}

/**
 * As measured on real clusters, Kubernetes 1.20 with etcd 3.3.25: the setting for whom the real time matters.
 * @public
 */
export const realTimings: Timings = {
  apiServerStartMs: 5_000,
  controllerStartMs: 1_500,
  etcdStartMs: 1_000,
  etcdElectionMs: 1_300,
  etcdMoveMs: 120,
  etcdRequestMs: 2,
  fileReloadMs: 60_000,
  clientReloadMs: 300_000,
  leaseMs: 15_000,
  nodeStatusMs: 10_000,
  kubeletStartMs: 2_000,
  podStartMs: 2_000,
  podStopMs: 1_000,
  watchdogMs: 10_000,
  balancerProbeMs: 5_000,
};

/** The same order of things in a fraction of the time. */
export const shortenedTimings: Timings = {
  apiServerStartMs: 150,
  controllerStartMs: 100,
  etcdStartMs: 100,
  etcdElectionMs: 300,
  etcdMoveMs: 120,
  etcdRequestMs: 2,
  fileReloadMs: 300,
  clientReloadMs: 1_000,
  leaseMs: 3_000,
  nodeStatusMs: 500,
  kubeletStartMs: 100,
  podStartMs: 100,
  podStopMs: 50,
  watchdogMs: 5_000,
  balancerProbeMs: 1_000,
};
