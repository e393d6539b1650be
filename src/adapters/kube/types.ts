/** A Kubernetes object as JSON; callers narrow it with a schema or `kubernetes-types`. */
export interface KubeObject {
  apiVersion?: string;
  kind?: string;
  metadata: {
    name: string;
    namespace?: string;
    uid?: string;
    resourceVersion?: string;
    annotations?: Record<string, string>;
    labels?: Record<string, string>;
    creationTimestamp?: string;
    deletionTimestamp?: string;
    generation?: number;
    ownerReferences?: { kind: string; name: string; uid: string; controller?: boolean }[];
  };
  [field: string]: unknown;
}

/** One answer of the API server; `body` is parsed JSON when it is JSON. */
export interface KubeAnswer {
  readonly status: number;
  readonly body: unknown;
  readonly text: string;
}

/**
 * A thin client of one API server address with one credential and one set of trusted CAs.
 * Another trust or credential is another client. Safe to call concurrently.
 */
export interface KubeClient {
  readonly server: string;
  /** Any request; does not throw for an HTTP status. @throws KubeError when there is no answer */
  request(method: string, path: string, body?: unknown, contentType?: string): Promise<KubeAnswer>;
  /** @throws KubeError naming method, path, status and the server's message, for anything but 2xx */
  get<T = KubeObject>(path: string): Promise<T>;
  /** All items of a list, page by page (limit 500). */
  list<T = KubeObject>(path: string): Promise<T[]>;
  create<T = KubeObject>(path: string, object: unknown): Promise<T>;
  /** Strategic merge by default; `json` for RFC 6902, `merge` for RFC 7386. */
  patch<T = KubeObject>(path: string, patch: unknown, type?: 'strategic' | 'merge' | 'json'): Promise<T>;
  replace<T = KubeObject>(path: string, object: unknown): Promise<T>;
  /** 404 counts as deleted. */
  delete(path: string): Promise<void>;
  close(): Promise<void>;
}
