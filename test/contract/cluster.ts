/** A node as the contract sees it. */
export interface ContractNode {
  readonly name: string;
  readonly address: string;
}

/** Whom a client trusts, and how it says who it is. PEM. */
export interface ClientIdentity {
  readonly ca: string;
  readonly cert?: string;
  readonly key?: string;
  readonly token?: string;
}

export interface ContractRequest {
  readonly method?: string;
  readonly body?: object;
  readonly contentType?: string;
}

export interface ContractAnswer {
  readonly status: number;
  readonly text: string;
}

/** What a server showed in a handshake. */
export interface Shown {
  /** PEM, the leaf first. */
  readonly chain: readonly string[];
  /** Distinguished names of the CAs whose clients it says it accepts, parts sorted: `CN=ca`. */
  readonly names: readonly string[];
}

/** What became of requests that ran while something was done. */
export interface LoadFigures {
  readonly requests: number;
  readonly failed: number;
}

/**
 * A cluster that is held to the facts of Kubernetes and etcd: a real one, or one of stand-ins. What a fact changes, it puts
 * back.
 */
export interface ContractCluster {
  readonly masters: readonly ContractNode[];
  readonly ports: { readonly api: number; readonly etcd: number };
  /** Folder of the cluster's certificates on a master. */
  readonly certs: string;
  /**
   * Runs a shell script as root on a node; `$KEYROLL_ROOT` stands before the node's paths. Resolves to what it printed.
   * @throws Error with what it said when it fails
   */
  onNode(node: string, script: string, stdin?: string): Promise<string>;
  /**
   * One request on a new connection. @throws Error when the server's certificate is refused, or the connection ends without
   * an answer, as when a server refuses the client's certificate
   */
  request(url: string, identity: ClientIdentity, request?: ContractRequest): Promise<ContractAnswer>;
  /** Reads and writes to every master's API server, on kept connections, while `work` runs. */
  underLoad(work: () => Promise<void>): Promise<LoadFigures>;
}

/** One thing that is true of every such cluster. */
export interface Fact {
  readonly title: string;
  /** `quick`: a real cluster shows it within 15 seconds; `slow`: within minutes. */
  readonly settles: 'quick' | 'slow';
  check(cluster: ContractCluster): Promise<void>;
}
