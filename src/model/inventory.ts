/** A file on a node as it was seen: owner as `user:group`, mode as octal text, content as UTF-8. */
export interface SeenFile {
  readonly path: string;
  readonly mode: string;
  readonly owner: string;
  readonly content: string;
}

/** A private key on a node; `fingerprint` is the SHA-256 (hex) of its public half as DER SubjectPublicKeyInfo. */
export interface SeenKey {
  readonly path: string;
  readonly mode: string;
  readonly owner: string;
  readonly fingerprint: string;
}

/** A process: `startedAt` in s since the epoch, `arguments` with the program first. */
export interface SeenProcess {
  readonly program: string;
  readonly pid: number;
  readonly startedAt: number;
  readonly arguments: readonly string[];
}

/** What a running server showed in a handshake: its chain (PEM, leaf first), and the CAs whose clients it accepts. */
export interface Handshake {
  readonly target: string;
  readonly chain: readonly string[];
  readonly acceptedCas: readonly string[];
  readonly error?: string;
}

/** What was seen on one node. */
export interface NodeInventory {
  readonly node: string;
  readonly files: ReadonlyMap<string, SeenFile>;
  readonly keys: ReadonlyMap<string, SeenKey>;
  readonly units: ReadonlyMap<string, { active: string; enabled: string }>;
  readonly processes: readonly SeenProcess[];
  /** The node's clock in ms since the epoch. */
  readonly clock: number;
  readonly boot: string;
}
