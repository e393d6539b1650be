/** The service principal that the stand-in knows. With both, either way of proving it is taken. */
export interface StackClient {
  readonly id: string;
  readonly secret?: string;
  /** PEM of its certificate. */
  readonly certificate?: string;
}

/** A machine that the stand-in has. */
export interface StackMachine {
  /** Its name in the Resource Manager. */
  readonly name: string;
  /** What it calls itself; default `name`. */
  readonly computerName?: string;
  /** A scale set that it is an instance of. */
  readonly scaleSet?: string;
}

/** Where the stand-in's services are, as clients see them, without a `/` at the end: `https://host[:port]`. */
export interface StackAddresses {
  readonly management: string;
  readonly login: string;
}

export interface StackOptions {
  /** PEM of the server's certificate (for the hosts of all addresses) and key. */
  readonly tls: { readonly certificate: string; readonly key: string };
  /** Default 127.0.0.1. */
  readonly listen?: string;
  /** Default: any free one. */
  readonly port?: number;
  /** Default: `https://localhost:<port>` for both. */
  readonly addresses?: StackAddresses;
  readonly identitySystem: 'azure_ad' | 'adfs';
  readonly client: StackClient;
  /** The resource that its tokens are for. Default: one below the management address. */
  readonly audience?: string;
  readonly subscriptionId: string;
  readonly resourceGroup: string;
  readonly machines: readonly StackMachine[];
  /** Versions of the compute API that it offers; others are refused. Default 2020-06-01 and older. */
  readonly computeVersions?: readonly string[];
  /** Really reboots a machine; resolves when it has been started again. */
  readonly reboot: (machine: string) => Promise<void>;
  /** How long a token lasts. Default 3600. */
  readonly tokenSeconds?: number;
  /** What Retry-After says while an operation runs. Default 1. */
  readonly retryAfterSeconds?: number;
  /** Which address an operation is followed at. Default `async`. */
  readonly follow?: 'async' | 'location';
  /** Told of each request: method, path without query, status. */
  readonly onRequest?: (line: string) => void;
}

/** The tenant of its subscription in Azure AD. */
export const stackTenant = '7f4c1d0e-5b1a-4c3f-9d39-2b6f0a5e8c11';

export function audienceOf({ audience }: StackOptions, { management }: StackAddresses): string {
  return audience ?? `${management}/3b6f4f4e-1d2c-4a5b-8e7f-9a0b1c2d3e4f`;
}
