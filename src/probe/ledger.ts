/** Who wants to know of acknowledged writes, because it must see an event of each. */
export interface LedgerWatcher {
  /** Writes sent now will be watched. */
  readonly expecting: boolean;
  /** The API server acknowledged a write that was sent while `expecting`. */
  acknowledged(resourceVersion: string, sentAt: number): void;
}

/** What a write class has written and had acknowledged; what its watch and the reading back are held against. */
export class WriteLedger {
  watcher: LedgerWatcher | undefined;
  acknowledged = 0;
  /** ConfigMap → key → value. */
  readonly written = new Map<string, Map<string, string>>();

  constructor(
    readonly namespace: string,
    readonly selector: string,
  ) {}

  get collectionPath(): string {
    return `/api/v1/namespaces/${this.namespace}/configmaps`;
  }

  /** The ConfigMaps of this ledger alone. */
  get listPath(): string {
    return `${this.collectionPath}?labelSelector=${encodeURIComponent(this.selector)}`;
  }

  acknowledge(object: string, key: string, value: string): void {
    this.acknowledged += 1;
    const keys = this.written.get(object) ?? new Map<string, string>();
    this.written.set(object, keys.set(key, value));
  }

  /** Names `object/key` of acknowledged writes that are not in `found` (ConfigMap → data). */
  lostFrom(found: ReadonlyMap<string, Readonly<Record<string, unknown>>>): string[] {
    const lost: string[] = [];
    for (const [object, keys] of this.written) {
      const data = found.get(object);
      for (const [key, value] of keys) if (data?.[key] !== value) lost.push(`${object}/${key}`);
    }
    return lost;
  }
}
