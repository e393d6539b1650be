import { Client } from '../client/client.js';
import { readKubeconfig } from '../client/config.js';
import { Informer } from '../client/informer.js';
import type { Machine, Program, Timings } from '../contracts.js';
import { keyOf, type KubeObject } from '../kube/objects.js';
import type { HostNetwork } from '../network/host-network.js';
import { goFlags, running, type Work } from './running.js';

interface Port {
  readonly name?: string;
  readonly port: number;
}
interface Service extends KubeObject {
  readonly spec?: { readonly clusterIP?: string; readonly ports?: readonly Port[] };
}
interface Endpoints extends KubeObject {
  readonly subsets?: readonly {
    readonly addresses?: readonly { readonly ip: string }[];
    readonly ports?: readonly Port[];
  }[];
}

const known = ['--kubeconfig', '--proxy-mode', '--hostname-override', '--v'];

/** kube-proxy: leads the addresses of Services on to their endpoints, in the network of its node. What it has set up stays when it ends. */
export function kubeProxy(network: HostNetwork, timings: Timings): Program {
  return {
    start: (argv, machine) =>
      running(machine, () => {
        const file = goFlags('kube-proxy', argv.slice(1), known).get('--kubeconfig') ?? '';
        return new Proxy(machine, network, new Client(machine, readKubeconfig(machine, file), timings));
      }),
  };
}

class Proxy implements Work {
  readonly #machine: Machine;
  readonly #network: HostNetwork;
  readonly #client: Client;
  #services: Informer<Service> | undefined;
  #endpoints: Informer<Endpoints> | undefined;

  constructor(machine: Machine, network: HostNetwork, client: Client) {
    this.#machine = machine;
    this.#network = network;
    this.#client = client;
  }

  run(): Promise<void> {
    const log = (line: string): void => this.#machine.log(line);
    const changed = (): void => this.#apply();
    this.#services = new Informer<Service>(this.#client, '/api/v1/services', changed, log);
    this.#endpoints = new Informer<Endpoints>(this.#client, '/api/v1/endpoints', changed, log);
    void Promise.all([this.#services.synced, this.#endpoints.synced]).then(changed);
    return new Promise(() => undefined);
  }

  stop(): void {
    this.#services?.stop();
    this.#endpoints?.stop();
    this.#client.close();
  }

  #apply(): void {
    const wanted = new Map<string, readonly { readonly address: string; readonly port: number }[]>();
    for (const service of this.#services?.all ?? []) {
      const { clusterIP, ports = [] } = service.spec ?? {};
      if (clusterIP === undefined || clusterIP === 'None') continue;
      const subsets = this.#endpoints?.items.get(keyOf(service))?.subsets ?? [];
      for (const { name, port } of ports) {
        const places = subsets.flatMap(({ addresses = [], ports: own = [] }) =>
          own
            .filter((candidate) => candidate.name === name)
            .flatMap((found) => addresses.map(({ ip }) => ({ address: ip, port: found.port }))),
        );
        wanted.set(`${clusterIP}:${port}`, places);
      }
    }
    const { services } = this.#network;
    for (const key of services.keys()) if (!wanted.has(key)) services.delete(key);
    for (const [key, places] of wanted)
      services.set(key, () => places[Math.floor(Math.random() * places.length)]);
  }
}
