import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateKey } from '../../pki/index.js';
import { kubeApiserver } from '../api/index.js';
import { Client } from '../client/client.js';
import { shortenedTimings, type Machine, type Program, type Running, type Timings } from '../contracts.js';
import { FakeEtcd } from './fake-etcd.js';
import { FakeNetwork } from './fake-machine.js';
import { authority, leaf, type Authority, type Leaf } from './small-pki.js';

export const certs = '/etc/kubernetes/certs';
export const apiPort = 6443;
/** Shorter than anything that a test waits for. */
export const timings: Timings = {
  ...shortenedTimings,
  apiServerStartMs: 10,
  controllerStartMs: 10,
  fileReloadMs: 50,
  clientReloadMs: 100,
  leaseMs: 300,
};

export interface Materials {
  readonly ca: Authority;
  readonly proxyCa: Authority;
  readonly serving: Leaf;
  readonly admin: Leaf;
  readonly proxy: Leaf;
  readonly serviceAccountKey: string;
}

/** One set for all tests of a file: making keys is what costs. */
export async function makeMaterials(): Promise<Materials> {
  const [ca, proxyCa] = await Promise.all([authority('ca'), authority('proxy-ca')]);
  return {
    ca,
    proxyCa,
    serving: await leaf(ca, 'apiserver', { sans: ['localhost', '127.0.0.1', '127.9.0.1', '127.9.0.2'] }),
    admin: await leaf(ca, 'client', { organization: 'system:masters' }),
    proxy: await leaf(proxyCa, 'proxy'),
    serviceAccountKey: (await generateKey({ type: 'ec', curve: 'prime256v1' })).privatePem,
  };
}

/** Masters with kube-apiserver on a made-up etcd, in a folder of their own. */
export class SmallControlPlane {
  readonly folder = mkdtempSync(join(tmpdir(), 'hollow-api-'));
  readonly network = new FakeNetwork(this.folder);
  readonly etcd = new FakeEtcd();
  readonly running: Running[] = [];
  readonly #clients: Client[] = [];

  constructor(readonly materials: Materials) {}

  get surroundings() {
    return { timings, dialEtcd: this.etcd.dial };
  }

  /** A master with all files; nothing runs on it yet. */
  master(index = 0): Machine {
    const machine = this.network.machine(`master-${index}`, `127.9.0.${index + 1}`);
    const { ca, proxyCa, serving, admin, proxy, serviceAccountKey } = this.materials;
    const files: Record<string, string> = {
      'ca.crt': ca.pem,
      'ca.key': ca.privatePem,
      'proxy-ca.crt': proxyCa.pem,
      'sa.key': serviceAccountKey,
      ...pairFiles('apiserver', serving),
      ...pairFiles('client', admin),
      ...pairFiles('proxy', proxy),
      ...pairFiles('etcdclient', admin),
    };
    for (const [name, text] of Object.entries(files)) this.network.write(machine, `${certs}/${name}`, text);
    return machine;
  }

  start(program: Program, argv: readonly string[], machine: Machine): Running {
    const running = program.start(argv, machine);
    this.running.push(running);
    return running;
  }

  /** kube-apiserver, ready. */
  async apiserver(machine: Machine, more: readonly string[] = []): Promise<Running> {
    const running = this.start(
      kubeApiserver(this.surroundings),
      [...apiserverArgv(machine), ...more],
      machine,
    );
    await this.#ready(machine, running);
    return running;
  }

  /** The admin's client of one master's API server. */
  admin(machine: Machine): Client {
    const { ca, admin } = this.materials;
    return this.client(machine, { ca: ca.pem, fixedPair: admin });
  }

  client(
    machine: Machine,
    how: { ca: string; fixedPair?: Leaf; token?: string; pair?: { certFile: string; keyFile: string } },
  ): Client {
    const client = new Client(machine, { server: `https://${machine.address}:${apiPort}`, ...how }, timings);
    this.#clients.push(client);
    return client;
  }

  stop(): void {
    for (const client of this.#clients) client.close();
    for (const running of this.running) running.signal('KILL');
    this.network.close();
    rmSync(this.folder, { recursive: true, force: true });
  }

  async #ready(machine: Machine, running: Running): Promise<void> {
    const client = this.admin(machine);
    let over = false;
    void running.ended.then(() => (over = true));
    await until(async () => {
      if (over) throw new Error(`kube-apiserver ended: ${this.network.lines.join('\n')}`);
      try {
        return (await client.request('GET', '/readyz')).status === 200;
      } catch {
        // Not yet listening.
        return false;
      }
    });
  }
}

function pairFiles(name: string, { cert, key }: Leaf): Record<string, string> {
  return { [`${name}.crt`]: cert, [`${name}.key`]: key };
}

export function apiserverArgv({ address }: Machine): string[] {
  return [
    'kube-apiserver',
    `--advertise-address=${address}`,
    `--secure-port=${apiPort}`,
    '--anonymous-auth=false',
    '--authorization-mode=Node,RBAC',
    `--client-ca-file=${certs}/ca.crt`,
    `--etcd-cafile=${certs}/ca.crt`,
    `--etcd-certfile=${certs}/etcdclient.crt`,
    `--etcd-keyfile=${certs}/etcdclient.key`,
    '--etcd-servers=https://127.0.0.1:2379',
    `--proxy-client-cert-file=${certs}/proxy.crt`,
    `--proxy-client-key-file=${certs}/proxy.key`,
    `--requestheader-client-ca-file=${certs}/proxy-ca.crt`,
    '--requestheader-username-headers=X-Remote-User',
    '--requestheader-group-headers=X-Remote-Group',
    '--requestheader-extra-headers-prefix=X-Remote-Extra-',
    '--requestheader-allowed-names=',
    '--service-account-issuer=https://kubernetes.default.svc.cluster.local',
    `--service-account-key-file=${certs}/sa.key`,
    `--service-account-signing-key-file=${certs}/sa.key`,
    '--service-cluster-ip-range=127.9.200.0/24',
    `--tls-cert-file=${certs}/apiserver.crt`,
    `--tls-private-key-file=${certs}/apiserver.key`,
  ];
}

/** Waits for a condition, ten seconds at the most. */
export async function until(holds: () => boolean | Promise<boolean>, what = 'the condition'): Promise<void> {
  const end = Date.now() + 10_000;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`${what}: not so within 10 s`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
