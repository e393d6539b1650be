import { setTimeout as sleep } from 'node:timers/promises';
import type { Machine, Surroundings } from '../contracts.js';
import type { Flags } from '../kube/flags.js';
import { resourceOf } from '../kube/resources.js';
import { Aggregator } from './aggregate.js';
import { Cache } from './cache.js';
import { cachedResources, type Caches, type Core } from './core.js';
import { EtcdLink } from './etcd-link.js';
import { Handler } from './handler.js';
import { ServerFiles } from './server-files.js';
import { Serving, type ServerIdentity } from './serving.js';
import { Storage } from './storage.js';
import { Availability } from './tasks/availability.js';
import { AuthenticationConfig, type OwnTrust } from './tasks/authentication-config.js';
import { bootstrap } from './tasks/bootstrap.js';
import { EndpointLease } from './tasks/endpoints.js';

/** One kube-apiserver from its start to its end, without the signals. */
export class RunningApiserver {
  readonly #files: ServerFiles;
  readonly #etcd: EtcdLink;
  readonly #caches: Caches;
  readonly #core: Core;
  readonly #serving: Serving;
  readonly #lease: EndpointLease;
  readonly #authentication: AuthenticationConfig;
  readonly #aggregator: Aggregator;
  readonly #availability: Availability;
  #started = false;
  #ended = false;

  /** @throws Error when a flag or a file is missing or cannot be used */
  constructor(
    private readonly machine: Machine,
    private readonly flags: Flags,
    private readonly surroundings: Surroundings,
  ) {
    const log = (line: string): void => machine.log(line);
    checkSupported(flags);
    this.#files = new ServerFiles(machine, flags);
    this.#etcd = new EtcdLink(machine, this.#etcdFiles(), surroundings.dialEtcd);
    const storage = new Storage(this.#etcd, log);
    this.#caches = cachesOf(storage);
    this.#core = this.#coreWith(storage);
    this.#aggregator = new Aggregator(machine, this.#caches, () => this.#files.frontProxy?.value);
    const { apiservices } = this.#caches;
    this.#availability = new Availability(storage, apiservices, this.#aggregator, log);
    const handler = this.#handler();
    this.#serving = new Serving(this.#identity(), (request, response) => handler.handle(request, response));
    this.#lease = new EndpointLease(this.#etcd, storage, this.#own(), log);
    this.#authentication = new AuthenticationConfig(storage, () => this.#ownTrust(), log);
    this.#files.onChange = () => this.#reloaded();
  }

  /** Resolves when `/readyz` passes. @throws Error when etcd does not answer or the port is taken */
  async start(): Promise<void> {
    const { apiServerStartMs, fileReloadMs, leaseMs } = this.surroundings.timings;
    await sleep(apiServerStartMs * 0.6);
    await this.#etcd.member();
    await Promise.all(Object.values(this.#caches).map((cache) => cache.start()));
    if (this.#isEnded()) return;
    await this.#serving.listen(this.machine, this.#port);
    this.#files.follow(fileReloadMs);
    await bootstrap(this.#core, this.#port);
    if (this.flags.optional('endpoint-reconciler-type') !== 'none') await this.#lease.start();
    await this.#authentication.start(fileReloadMs);
    this.#availability.start(leaseMs / 2);
    await sleep(apiServerStartMs * 0.4);
    this.#started = true;
    this.machine.log(`serving on ${this.#port}`);
    if (this.#isEnded()) this.destroy();
  }

  /** Takes nothing new and resolves when what was under way has ended; watches do not end by themselves. */
  async shutDown(): Promise<void> {
    this.#started = false;
    const idle = this.#serving.shutDown();
    this.#lease
      .leave()
      .catch((error: unknown) => this.machine.log(`leaving the endpoints: ${(error as Error).message}`));
    await idle;
  }

  /** At once. Repeatable. */
  destroy(): void {
    this.#ended = true;
    this.#serving.destroy();
    this.#files.stop();
    this.#lease.stop();
    this.#authentication.stop();
    this.#availability.stop();
    for (const cache of Object.values(this.#caches)) cache.stop();
    this.#etcd.close();
  }

  /** A call, since it changes while others are waited for. */
  #isEnded(): boolean {
    return this.#ended;
  }

  get #port(): number {
    return Number(this.flags.one('secure-port'));
  }

  #etcdFiles() {
    const [endpoint = ''] = this.flags.one('etcd-servers').split(',');
    return {
      endpoint,
      ca: this.#files.etcdCa,
      certFile: this.flags.one('etcd-certfile'),
      keyFile: this.flags.one('etcd-keyfile'),
    };
  }

  #coreWith(storage: Storage): Core {
    return {
      storage,
      caches: this.#caches,
      tokens: { keys: this.#files.verifyKeys, issuer: this.flags.one('service-account-issuer') },
      signingKey: this.#files.signingKey,
      serviceRange: this.flags.one('service-cluster-ip-range'),
      projectedTokens: this.flags.gate('BoundServiceAccountTokenVolume'),
      log: (line) => this.machine.log(line),
    };
  }

  #handler(): Handler {
    return new Handler({
      core: this.#core,
      trust: () => this.#files.trust,
      aggregator: this.#aggregator,
      started: () => this.#started,
      stopping: () => this.#serving.isClosing,
      askEtcd: async () => (await this.#etcd.member()).get('/registry/health'),
    });
  }

  #own() {
    const address = this.flags.one('advertise-address');
    return { address, port: this.#port, leaseMs: this.surroundings.timings.leaseMs };
  }

  #identity(): ServerIdentity {
    const { serving, clientCa, requestheaderCa } = this.#files;
    const proxies = requestheaderCa === undefined ? [] : [requestheaderCa.value];
    return { ...serving.value, ca: [clientCa.value, ...proxies] };
  }

  #ownTrust(): OwnTrust {
    const listed = (flag: string): string[] => (this.flags.optional(flag) ?? '').split(',').filter(Boolean);
    return {
      clientCa: this.#files.clientCa.value,
      requestheaderCa: this.#files.requestheaderCa?.value,
      allowedNames: listed('requestheader-allowed-names'),
      usernameHeaders: listed('requestheader-username-headers'),
      groupHeaders: listed('requestheader-group-headers'),
      extraHeadersPrefix: listed('requestheader-extra-headers-prefix'),
    };
  }

  #reloaded(): void {
    this.#serving.setIdentity(this.#identity());
    this.#authentication.soon();
  }
}

function cachesOf(storage: Storage): Caches {
  const caches = cachedResources.map((plural) => [plural, new Cache(storage, resourceOf(plural))] as const);
  return Object.fromEntries(caches) as Caches;
}

/** What the hollow one does in one way only. @throws Error */
function checkSupported(flags: Flags): void {
  const only: Readonly<Record<string, string>> = {
    'anonymous-auth': 'false',
    'authorization-mode': 'Node,RBAC',
    'service-account-lookup': 'true',
  };
  for (const [flag, value] of Object.entries(only)) {
    const found = flags.optional(flag) ?? value;
    if (found !== value)
      throw new Error(`flag --${flag}: found ${found}; the hollow kube-apiserver knows ${value} alone`);
  }
}
