import type { Timings } from '../contracts.js';
import type { Network } from '../network/network.js';
import { Door } from '../network/door.js';
import { Balancer } from './balancer.js';
import { mastersOf, planCluster, type ClusterPlan, type Size } from './plan.js';

/** What of a cluster can be reached from outside: the API's load balancer, each master's API, and the way to SSH. */
export interface Edge {
  readonly plan: ClusterPlan;
  readonly sshPort: number;
  close(): void;
}

/** Tried in this order when another program holds a port on all addresses. */
const apiPorts = [6443, 16443, 26443, 36443];
const sshPorts = [2222, 12222, 22222, 32222];
const fewestTries = 40;

/**
 * Finds addresses that no other cluster on this computer has, and listens there.
 * @throws Error when neither addresses nor ports are free
 */
export async function openEdge(
  size: Size,
  network: Network,
  timings: Pick<Timings, 'balancerProbeMs'>,
): Promise<Edge> {
  for (let tries = 0; tries < fewestTries; tries += 1) {
    const second = 16 + Math.floor(Math.random() * 230);
    const place = Math.floor(tries / 10);
    const plan = planCluster(second, apiPorts[place] ?? 0, size);
    const masters = mastersOf(plan).map(({ address }) => address);
    const balancer = new Balancer({
      address: plan.balancer,
      port: plan.apiPort,
      targets: masters,
      network,
      timings,
    });
    const doors: Door[] = [];
    const door = async (address: string, port: number, to: string, toPort: number): Promise<void> => {
      const made = new Door();
      doors.push(made);
      await made.open(address, port, { address: to, port: toPort }, network);
    };
    const close = (): void => {
      balancer.close();
      for (const each of doors) each.close();
    };
    try {
      await balancer.listen();
      const sshPort = sshPorts[place] ?? 0;
      await door(plan.balancer, sshPort, masters[0] ?? '', 22);
      for (const address of masters) await door(address, plan.apiPort, address, plan.apiPort);
      network.balancers.set(plan.balancer, () => balancer.next());
      return { plan, sshPort, close };
    } catch (error) {
      close();
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    }
  }
  throw new Error(
    `no free address of 127.0.0.0/8 with one of the ports ${apiPorts.join(', ')}; end other hollow clusters, then try again`,
  );
}
