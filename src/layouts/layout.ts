import type { ClusterNode } from '../model/cluster.js';

/** Whose key signs a certificate. */
export type Signer = 'cluster-ca' | 'front-proxy-ca' | 'itself';

/** A certificate and its key: what it is called, where it lies, who signs it, which nodes hold it. */
export interface CredentialSpec {
  /** As in reports: `apiserver`, `client`, `etcdpeer0`. */
  readonly name: string;
  readonly certificate: string;
  readonly key: string;
  readonly signer: Signer;
  /** `one`: the same pair on all nodes that hold it; `each`: a pair of its own on every node. */
  readonly copies: 'one' | 'each';
  /** Nodes that must hold it; on others it is replaced where it is seen. */
  readonly heldBy: (node: ClusterNode) => boolean;
  /** Field of the API model's certificateProfile, without `Certificate` and `PrivateKey`. */
  readonly profileField?: string;
  /** Agents hold it without the bridge. */
  readonly bridgeOn: 'master' | 'nowhere';
}

/** A static pod's program. */
export interface StaticPod {
  readonly program: string;
  readonly manifest: string;
}

/** How one way of deploying Kubernetes lays out its nodes: paths, owners, signers and services, as data. */
export interface Layout {
  readonly name: string;
  readonly manifests: string;
  /** Folder of keyroll's own that pods on masters can read. */
  readonly own: string;
  readonly ca: string;
  readonly caKey: string;
  readonly frontProxyCa: string;
  readonly etcdDefaults: string;
  readonly untouched: readonly string[];
  readonly apiServer: StaticPod;
  readonly controllerManager: StaticPod & { readonly health: string; readonly lease: string };
  /** Clients of the API on masters that keep their first trust until they are restarted. */
  readonly restartedPods: readonly StaticPod[];
  readonly watchdogs: readonly string[];
  readonly kubeletWatchdogs: readonly string[];
  readonly kubeconfig: string;
  readonly adminKubeconfig: (admin: string) => string;
  readonly apiPorts: { readonly port: number; readonly all: readonly number[] };
  readonly etcdPorts: { readonly client: number; readonly peer: number };
  readonly kubeletPort: number;
  /** The kubelet's own client certificate and key, in one file. */
  readonly kubeletClient: string;
  readonly proxyCertsKeys: {
    readonly ca: string;
    readonly certificate: string;
    readonly key: string;
    readonly prefix: string;
  };
  readonly credentials: (masters: number) => readonly CredentialSpec[];
  /** Paths on a node by which a pod would hold the node's own certificates. */
  readonly nodeCredentialPaths: readonly string[];
}

/** The layout of a cluster whose API listens on another port. */
export function withApiPort(layout: Layout, port: number | undefined): Layout {
  if (port === undefined) return layout;
  const others = layout.apiPorts.all.filter((candidate) => candidate !== layout.apiPorts.port);
  return { ...layout, apiPorts: { port, all: [port, ...others] } };
}
