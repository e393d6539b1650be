import type { KubeObject } from '../../kube/objects.js';
import { resourceOf } from '../../kube/resources.js';
import { certificatesIn } from '../../tls/verify.js';
import { ApiError } from '../api-error.js';
import type { Storage } from '../storage.js';

const name = 'extension-apiserver-authentication';
const namespace = 'kube-system';
const configmaps = resourceOf('configmaps');

/** What a kube-apiserver trusts, as it tells aggregated API servers. PEM. */
export interface OwnTrust {
  readonly clientCa: string;
  readonly requestheaderCa: string | undefined;
  readonly allowedNames: readonly string[];
  readonly usernameHeaders: readonly string[];
  readonly groupHeaders: readonly string[];
  readonly extraHeadersPrefix: readonly string[];
}

/**
 * Keeps ConfigMap `extension-apiserver-authentication` a union of what all API servers trust: each adds what it lacks, and
 * only what has expired is taken out.
 */
export class AuthenticationConfig {
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly storage: Storage,
    private readonly trust: () => OwnTrust,
    private readonly log: (line: string) => void,
  ) {}

  /** Looks at once and then every `periodMs`. */
  async start(periodMs: number): Promise<void> {
    this.#timer = setInterval(() => this.soon(), periodMs);
    await this.#write();
  }

  /** Looks now; what goes wrong is logged, and the next look makes it good. */
  soon(): void {
    this.#write().catch((error: unknown) => this.log(`${name}: ${(error as Error).message}`));
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #write(): Promise<void> {
    const trust = this.trust();
    try {
      await this.storage.change(configmaps, namespace, name, (found) => ({
        ...found,
        data: united((found['data'] ?? {}) as Record<string, string>, trust),
      }));
    } catch (error) {
      if (!(error instanceof ApiError) || error.code !== 404) throw error;
      await this.#create({
        kind: 'ConfigMap',
        apiVersion: 'v1',
        metadata: { name, namespace },
        data: united({}, trust),
      });
    }
  }

  async #create(object: KubeObject): Promise<void> {
    try {
      await this.storage.create(configmaps, object);
    } catch (error) {
      if (!(error instanceof ApiError) || error.code !== 409) throw error;
      this.soon();
    }
  }
}

function united(data: Readonly<Record<string, string>>, trust: OwnTrust): Record<string, string> {
  const clientCa = union(data['client-ca-file'], trust.clientCa);
  if (trust.requestheaderCa === undefined) return { ...data, 'client-ca-file': clientCa };
  return {
    ...data,
    'client-ca-file': clientCa,
    'requestheader-client-ca-file': union(data['requestheader-client-ca-file'], trust.requestheaderCa),
    'requestheader-allowed-names': JSON.stringify(trust.allowedNames),
    'requestheader-username-headers': JSON.stringify(trust.usernameHeaders),
    'requestheader-group-headers': JSON.stringify(trust.groupHeaders),
    'requestheader-extra-headers-prefix': JSON.stringify(trust.extraHeadersPrefix),
  };
}

/** Certificates of both, each once, without those that have expired. */
function union(held = '', own: string): string {
  const all = [held, own].flatMap(certificatesIn).filter(({ validTo }) => Date.parse(validTo) > Date.now());
  return [...new Map(all.map((each) => [each.fingerprint256, each.toString()])).values()].join('');
}
