import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from '../client/client.js';
import { readKubeconfig } from '../client/config.js';
import type { Machine, Surroundings } from '../contracts.js';
import type { Flags } from '../kube/flags.js';
import type { Daemon } from '../kube/run-program.js';
import { WatchedFiles } from '../kube/watched-files.js';
import { certificates, signerOf, signingPair, type SigningFiles } from './certificates.js';
import { ControllerContext, type Controller } from './context.js';
import { daemonSets } from './daemonset.js';
import { deployments } from './deployment.js';
import { disruption } from './disruption.js';
import { endpoints } from './endpoints.js';
import { garbage } from './garbage.js';
import { Healthz } from './healthz.js';
import { LeaderElection } from './leader-election.js';
import { namespaces } from './namespaces.js';
import { nodeLifecycle } from './node-lifecycle.js';
import { replicaSets } from './replicaset.js';
import { rootCaPublisher } from './root-ca.js';
import { serviceAccounts } from './service-accounts.js';
import { statefulSets } from './statefulset.js';
import { tokenController, type TokenMaterials } from './token-controller.js';

/** One kube-controller-manager: waits for its lease, and then runs all controllers until it loses it. */
export class ControllerManager implements Daemon {
  readonly #client: Client;
  readonly #election: LeaderElection;
  readonly #signing: SigningFiles;
  readonly #materials: TokenMaterials;
  readonly #health = new Healthz();
  #context: ControllerContext | undefined;
  #ended = false;

  /** @throws Error when a flag or a file is missing or cannot be used */
  constructor(
    private readonly machine: Machine,
    private readonly flags: Flags,
    private readonly surroundings: Surroundings,
  ) {
    const text = (flag: string): string => readFileSync(machine.path(flags.one(flag)), 'utf8');
    this.#materials = { rootCa: text('root-ca-file'), signingKey: text('service-account-private-key-file') };
    const pair = [flags.one('cluster-signing-cert-file'), flags.one('cluster-signing-key-file')];
    this.#signing = new WatchedFiles(machine, pair, ([cert = '', key = '']) => signingPair(cert, key));
    this.#client = new Client(
      machine,
      readKubeconfig(machine, flags.one('kubeconfig')),
      surroundings.timings,
    );
    const identity = `${machine.name}_${randomUUID()}`;
    const { leaseMs } = surroundings.timings;
    const election = { name: 'kube-controller-manager', identity, leaseMs };
    this.#election = new LeaderElection(this.#client, election, (line) => machine.log(line));
  }

  /** Resolves when its health port answers; ends in a rejection when the lease is lost or its controllers cannot start. */
  async start(): Promise<void> {
    await sleep(this.surroundings.timings.controllerStartMs);
    if (this.#ended) return;
    await this.#health.start(this.machine, Number(this.flags.optional('secure-port') ?? 10_257));
    this.#signing.follow(this.surroundings.timings.fileReloadMs);
    if (this.flags.optional('leader-elect') === 'false' || (await this.#election.acquire()))
      await this.#lead();
  }

  /** Does not give its lease back: 1.20 does not. */
  shutDown(): Promise<void> {
    return Promise.resolve();
  }

  destroy(): void {
    this.#ended = true;
    this.#election.stop();
    this.#context?.stop();
    this.#signing.stop();
    this.#health.close();
    this.#client.close();
  }

  async #lead(): Promise<void> {
    this.machine.log('leading');
    // A leader whose signing file is no single certificate ends, as the real one does.
    signerOf(this.#signing);
    const context = new ControllerContext(this.#client, this.surroundings.timings, (line) =>
      this.machine.log(line),
    );
    this.#context = context;
    for (const start of this.#controllers()) start(context);
    if (this.flags.optional('leader-elect') === 'false') return;
    await this.#election.hold();
    if (!this.#isEnded()) throw new Error('leaderelection lost');
  }

  /** A call, since it changes while others are waited for. */
  #isEnded(): boolean {
    return this.#ended;
  }

  #controllers(): Controller[] {
    return [
      serviceAccounts,
      tokenController(this.#materials),
      rootCaPublisher(this.#materials.rootCa),
      certificates(this.#signing),
      namespaces,
      garbage,
      replicaSets,
      deployments,
      daemonSets,
      statefulSets,
      disruption,
      endpoints,
      nodeLifecycle(milliseconds(this.flags.optional('node-monitor-grace-period') ?? '40s')),
    ];
  }
}

const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** A duration as Go writes it, such as `1m30s`. @throws Error */
export function milliseconds(duration: string): number {
  const parts = [...duration.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)];
  if (parts.length === 0 || parts.map(([text]) => text).join('') !== duration)
    throw new Error(`duration: found ${duration}; expected such as 1m30s`);
  return parts.reduce((sum, [, number, unit = '']) => sum + Number(number) * (units[unit] ?? 0), 0);
}
