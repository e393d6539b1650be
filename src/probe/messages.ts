import type { Credentials, ProbeStats } from './types.js';

/** What the worker can be asked for. Secrets travel here and in `workerData`, nowhere else. */
export type Order =
  | { readonly do: 'begin' | 'stats' | 'finish' }
  | { readonly do: 'start' | 'stop'; readonly name: string }
  | {
      readonly do: 'credentials';
      readonly name: string;
      readonly credentials: Credentials;
      readonly reconnect: boolean;
    };

export interface Asked {
  readonly id: number;
  readonly order: Order;
}

/** What the worker says: the outcome of an order, or figures in between. */
export type Told =
  | { readonly id: number; readonly error: string }
  | { readonly id: number; readonly stats: ProbeStats }
  | { readonly progress: ProbeStats };
