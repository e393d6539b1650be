import type { TokenTrust } from './authenticate.js';
import type { Cache } from './cache.js';
import type { User } from './identity.js';
import type { ResourceRequest } from './request-info.js';
import type { Storage } from './storage.js';

/** Resources whose objects kube-apiserver itself looks up again and again. */
export const cachedResources = [
  'namespaces',
  'secrets',
  'serviceaccounts',
  'pods',
  'services',
  'endpoints',
  'roles',
  'rolebindings',
  'clusterroles',
  'clusterrolebindings',
  'apiservices',
] as const;

export type Caches = Readonly<Record<(typeof cachedResources)[number], Cache>>;

/** What all handlers of one running kube-apiserver share. */
export interface Core {
  readonly storage: Storage;
  readonly caches: Caches;
  readonly tokens: TokenTrust;
  /** PEM of `--service-account-signing-key-file`, as it was at the start. */
  readonly signingKey: string;
  /** `--service-cluster-ip-range`, such as 10.0.0.0/16. */
  readonly serviceRange: string;
  /** Pods get projected tokens (feature gate BoundServiceAccountTokenVolume). */
  readonly projectedTokens: boolean;
  readonly log: (line: string) => void;
}

/** One request for a resource by somebody who may make it. */
export interface Call {
  readonly info: ResourceRequest;
  readonly user: User;
  readonly contentType: string;
  /** Parsed JSON; undefined when there was none. */
  readonly body: unknown;
}

export interface Reply {
  readonly status: number;
  readonly body: object;
}
