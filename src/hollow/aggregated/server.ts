import { generateKey, mintAuthority } from '../../pki/index.js';
import { peerOf, Verifier, type Peer } from '../api/peers.js';
import { answer, connectionOf, Serving, tlsOf, type ApiRequest, type ApiResponse } from '../api/serving.js';
import { Client } from '../client/client.js';
import { inClusterConfig } from '../client/config.js';
import { Informer } from '../client/informer.js';
import type { Machine, Timings } from '../contracts.js';
import type { KubeObject } from '../kube/objects.js';
import type { Daemon } from '../kube/run-program.js';

const port = 8443;
const groupVersion = 'lab.keyroll.dev/v1alpha1';
const configPath =
  '/api/v1/namespaces/kube-system/configmaps?fieldSelector=metadata.name%3Dextension-apiserver-authentication';

interface ConfigMap extends KubeObject {
  data?: Record<string, string>;
}

/** Whom it accepts, as the ConfigMap says. */
interface Trust {
  readonly pem: readonly string[];
  readonly frontProxies: Verifier;
  readonly clients: Verifier;
}

/** Serves from when it has read the ConfigMap. */
export class AggregatedApiserver implements Daemon {
  readonly #client: Client;
  readonly #peers = new WeakMap<object, { peer: Peer | undefined }>();
  #informer: Informer<ConfigMap> | undefined;
  #serving: Serving | undefined;
  #trust: Trust | undefined;
  #pair: { cert: string; key: string } | undefined;
  #ended = false;

  /** @throws Error when the pod's token or CA is missing */
  constructor(
    private readonly machine: Machine,
    environment: Readonly<Record<string, string>> | undefined,
    timings: Timings,
  ) {
    this.#client = new Client(machine, inClusterConfig(machine, environment), timings);
  }

  async start(): Promise<void> {
    this.#pair = await ownPair();
    if (this.#isEnded()) return;
    const log = (line: string): void => this.machine.log(line);
    const informer = new Informer<ConfigMap>(this.#client, configPath, (now) => this.#read(now), log);
    this.#informer = informer;
    await informer.synced;
    if (this.#trust === undefined) throw new Error('extension-apiserver-authentication is missing');
    const serving = new Serving({ ...this.#pair, ca: this.#trust.pem }, (request, response) =>
      this.#handle(request, response),
    );
    this.#serving = serving;
    await serving.listen(this.machine, port);
    this.machine.log(`serving ${groupVersion} on ${port}`);
  }

  async shutDown(): Promise<void> {
    await this.#serving?.shutDown();
  }

  destroy(): void {
    this.#ended = true;
    this.#informer?.stop();
    this.#client.close();
    this.#serving?.destroy();
  }

  /** A call, since it changes while others are waited for. */
  #isEnded(): boolean {
    return this.#ended;
  }

  #read(config: ConfigMap | undefined): void {
    const { 'client-ca-file': clients, 'requestheader-client-ca-file': proxies } = config?.data ?? {};
    // An empty bundle, such as kube-apiserver leaves when a CA has expired, changes nothing for a running server.
    if (!clients || !proxies) return;
    this.#trust = {
      pem: [clients, proxies],
      clients: new Verifier(clients),
      frontProxies: new Verifier(proxies),
    };
    if (this.#pair) this.#serving?.setIdentity({ ...this.#pair, ca: this.#trust.pem });
  }

  #handle(request: ApiRequest, response: ApiResponse): void {
    response.on('error', () => response.destroy());
    const user = this.#userOf(request);
    const { pathname } = new URL(request.url ?? '/', 'https://server');
    if (user === undefined) answer(response, 401, statusOf(401, 'Unauthorized'));
    else if (pathname === `/apis/${groupVersion}`) answer(response, 200, discovery);
    else if (pathname === `/apis/${groupVersion}/pings`) answer(response, 200, { ...pings, user });
    else {
      this.machine.log(`${request.method ?? ''} ${request.url ?? ''}: is not known here`);
      answer(response, 404, statusOf(404, 'NotFound'));
    }
  }

  /** The user that a trusted front proxy names, or the client's own certificate. Anonymous requests get 401. */
  #userOf(request: ApiRequest): string | undefined {
    const connection = connectionOf(request);
    if (!connection || !this.#trust) return undefined;
    const known = this.#peers.get(connection);
    const tls = tlsOf(request);
    const peer = known ? known.peer : tls && peerOf(tls);
    this.#peers.set(connection, { peer });
    if (!peer) return undefined;
    const named = request.headers['x-remote-user'];
    if (typeof named === 'string' && this.#trust.frontProxies.fault(peer) === undefined) return named;
    return this.#trust.clients.fault(peer) === undefined ? peer.commonName : undefined;
  }
}

async function ownPair(): Promise<{ cert: string; key: string }> {
  const key = await generateKey({ type: 'ec', curve: 'prime256v1' });
  const validity = {
    notBefore: new Date(Date.now() - 1000),
    notAfter: new Date(Date.now() + 365 * 24 * 3600 * 1000),
  };
  return { cert: mintAuthority({ commonName: 'aggregated', key, validity }).pem, key: key.privatePem };
}

const pings = { kind: 'PingList', apiVersion: groupVersion, metadata: {}, items: [] };
const discovery = {
  kind: 'APIResourceList',
  apiVersion: 'v1',
  groupVersion,
  resources: [{ name: 'pings', singularName: 'ping', namespaced: false, kind: 'Ping', verbs: ['list'] }],
};
const statusOf = (code: number, reason: string): object => ({
  kind: 'Status',
  apiVersion: 'v1',
  metadata: {},
  status: 'Failure',
  reason,
  code,
});
