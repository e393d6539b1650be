import type { IncomingHttpHeaders } from 'node:http';
import { request as requestHttps } from 'node:https';
import type { TLSSocket } from 'node:tls';
import type { Machine } from '../contracts.js';
import type { KubeObject } from '../kube/objects.js';
import { openTls } from '../tls/client-side.js';
import { ApiError, noSuchPath } from './api-error.js';
import type { Caches } from './core.js';
import { mastersGroup, type User } from './identity.js';
import type { GroupRequest } from './request-info.js';
import { bodyOf, type ApiRequest, type ApiResponse } from './serving.js';

export interface ApiService extends KubeObject {
  spec: {
    group: string;
    version: string;
    service?: { namespace: string; name: string; port?: number };
    insecureSkipTLSVerify?: boolean;
    caBundle?: string;
  };
}
interface Endpoints extends KubeObject {
  subsets?: { addresses?: { ip: string }[]; ports?: { port: number; name?: string }[] }[];
}
interface Service extends KubeObject {
  spec: { ports?: { port: number; name?: string }[] };
}

/** The front proxy's client certificate, PEM. */
export interface FrontProxyPair {
  readonly cert: string;
  readonly key: string;
}

const timeoutMs = 30_000;

/** kube-aggregator: hands requests for other groups to the API servers that an APIService names, as their front proxy. */
export class Aggregator {
  constructor(
    private readonly machine: Machine,
    private readonly caches: Pick<Caches, 'apiservices' | 'endpoints' | 'services'>,
    private readonly pair: () => FrontProxyPair | undefined,
  ) {}

  /** @throws ApiError 404 when no server is known for the group, 503 when none of its pods answers */
  async proxy(request: ApiRequest, response: ApiResponse, user: User, info: GroupRequest): Promise<void> {
    const service = this.caches.apiservices.get(`${info.version}.${info.group}`) as ApiService | undefined;
    if (service?.spec.service === undefined) throw noSuchPath();
    const { method = 'GET', url = '/' } = request;
    const asked = { method, url, headers: proxyHeaders(request.headers, user), body: await bodyOf(request) };
    const { status, type, body } = await this.ask(service, asked);
    response.writeHead(status, { 'content-type': type });
    response.end(body);
  }

  /** Whether an aggregated API server answers its front proxy: its own word, or why not. */
  async fault(service: ApiService): Promise<string | undefined> {
    const { group, version } = service.spec;
    const user = { name: 'system:kube-aggregator', groups: [mastersGroup] };
    const asked = {
      method: 'GET',
      url: `/apis/${group}/${version}`,
      headers: proxyHeaders({}, user),
      body: '',
    };
    try {
      const { status } = await this.ask(service, asked);
      return status >= 200 && status < 300 ? undefined : `bad status: ${status}`;
    } catch (error) {
      return (error as Error).message;
    }
  }

  /** @throws ApiError 503 when there is no answer */
  async ask(service: ApiService, asked: Asked): Promise<ProxiedAnswer> {
    try {
      return await exchange(await this.#connect(service), asked);
    } catch (error) {
      throw new ApiError(
        503,
        'ServiceUnavailable',
        `error trying to reach service: ${(error as Error).message}`,
      );
    }
  }

  async #connect({ spec }: ApiService): Promise<TLSSocket> {
    const { namespace = '', name = '', port = 443 } = spec.service ?? {};
    const { ip, port: targetPort } = this.#endpoint(namespace, name, port);
    const socket = await this.machine.dial(ip, targetPort);
    const tls = openTls(socket, {
      host: `${name}.${namespace}.svc`,
      ca: spec.caBundle === undefined ? undefined : Buffer.from(spec.caBundle, 'base64').toString(),
      ...this.pair(),
      insecure: spec.insecureSkipTLSVerify === true,
    });
    return new Promise((resolve, reject) => {
      tls.once('error', reject);
      tls.once('secureConnect', () => resolve(tls));
    });
  }

  /** One of the pods behind the Service; the real one leaves the choice to kube-proxy. */
  #endpoint(namespace: string, name: string, port: number): { ip: string; port: number } {
    const service = this.caches.services.get(name, namespace) as Service | undefined;
    const portName = service?.spec.ports?.find((each) => each.port === port)?.name;
    const { subsets = [] } = (this.caches.endpoints.get(name, namespace) ?? {}) as Partial<Endpoints>;
    const all = subsets.flatMap(({ addresses = [], ports = [] }) =>
      ports
        .filter((each) => each.name === portName)
        .flatMap((found) => addresses.map(({ ip }) => ({ ip, port: found.port }))),
    );
    const chosen = all[Math.floor(Math.random() * all.length)];
    if (!chosen) throw new Error(`service ${namespace}/${name} has no ready endpoint`);
    return chosen;
  }
}

/** A request as the front proxy sends it. */
interface Asked {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string | string[]>>;
  readonly body: string;
}

interface ProxiedAnswer {
  readonly status: number;
  readonly type: string;
  readonly body: Buffer;
}

/** Says who asks; the user's own credentials stay here. */
function proxyHeaders(headers: IncomingHttpHeaders, user: User): Record<string, string | string[]> {
  const kept = ['accept', 'content-type', 'user-agent'].flatMap((name) => {
    const value = headers[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return {
    ...Object.fromEntries(kept),
    'x-remote-user': user.name,
    'x-remote-group': [...user.groups],
    connection: 'close',
  };
}

function exchange(socket: TLSSocket, { method, url, headers, body }: Asked): Promise<ProxiedAnswer> {
  return new Promise((resolve, reject) => {
    const outgoing = requestHttps(
      { method, path: url, headers, createConnection: () => socket },
      (incoming) => {
        const parts: Buffer[] = [];
        incoming.on('data', (part: Buffer) => parts.push(part));
        incoming.once('end', () =>
          resolve({
            status: incoming.statusCode ?? 502,
            type: incoming.headers['content-type'] ?? 'application/json',
            body: Buffer.concat(parts),
          }),
        );
        incoming.once('error', reject);
      },
    );
    outgoing.setTimeout(timeoutMs, () => outgoing.destroy(new Error('no answer')));
    outgoing.once('error', reject);
    outgoing.end(body);
  });
}
