/** A file that the lab puts on a node. */
export interface NodeFile {
  /** Absolute path on the node. */
  readonly path: string;
  readonly content: string;
  /** Default 0644. */
  readonly mode?: number;
  /** A user of the node; its group is the user's. Default root. */
  readonly owner?: 'root' | 'etcd' | 'azureuser';
}

/** A symbolic link that the lab puts on a node. */
export interface NodeLink {
  readonly path: string;
  readonly target: string;
}

/** A private key: readable by its owner alone. */
export function secret(
  path: string,
  content: string,
  owner: 'root' | 'etcd' | 'azureuser' = 'root',
): NodeFile {
  return { path, content, mode: 0o600, owner };
}
