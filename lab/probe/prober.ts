import { existsSync } from 'node:fs';
import { runLoad, type ProbeStats } from '../../src/probe/index.js';
import { credentialsIn } from './credentials.js';

/** Whom a prober asks, as whom, and how often. Holds paths, no secrets. */
export interface ProberOrder {
  /** `https://host:port` */
  readonly server: string;
  /** Addresses to dial by turns: every master's own, and the balancer's. */
  readonly addresses: readonly string[];
  readonly kubeconfig: string;
  /** Once it is there it is used instead. */
  readonly newKubeconfig?: string;
  readonly namespace: string;
  readonly readsPerSecond: number;
  readonly writesPerSecond: number;
}

export interface ProberResult {
  readonly stats: ProbeStats;
  /** When the new kubeconfig was seen, ms since 1970. */
  readonly switchedAt?: number;
}

/** A prober that runs; it knows nothing of keyroll, and outlives it. */
export interface Prober {
  /** Stops, reads back what it wrote, and gives the final figures; once only. */
  finish(): Promise<ProberResult>;
}

/**
 * Starts reads and writes on kept connections, as the old admin until the new kubeconfig appears, then as the new one.
 * `onStats` gets the figures every second.
 * @throws ProbeError when the first request of a class does not succeed
 */
export async function startProber(
  order: ProberOrder,
  onStats?: (stats: ProbeStats) => void,
): Promise<Prober> {
  const { readsPerSecond, writesPerSecond, namespace } = order;
  const load = await runLoad(
    {
      ...{ readsPerSecond, writesPerSecond, namespace },
      targets: order.addresses.map((connectHost) => ({ server: order.server, connectHost })),
      credentials: credentialsIn(order.kubeconfig),
    },
    onStats,
  );
  let switchedAt: number | undefined;
  let switching = Promise.resolve();
  const becomeNew = async (file: string): Promise<void> => {
    const fresh = credentialsIn(file);
    switchedAt = Date.now();
    const classes = Object.keys((await load.stats()).classes);
    for (const name of classes) await load.setCredentials(name, fresh, true);
  };
  const look = setInterval(() => {
    const file = order.newKubeconfig;
    if (switchedAt === undefined && file !== undefined && existsSync(file)) switching = becomeNew(file);
  }, 200);
  return {
    async finish() {
      clearInterval(look);
      await switching;
      return { stats: await load.finish(), ...(switchedAt === undefined ? {} : { switchedAt }) };
    },
  };
}
