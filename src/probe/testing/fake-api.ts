import { createSecureServer, type Http2ServerRequest, type Http2ServerResponse } from 'node:http2';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

import type { Pair } from './identities.js';

interface StoredMap {
  readonly name: string;
  version: number;
  readonly data: Record<string, string>;
}

interface Event {
  readonly type: string;
  readonly version: number;
  readonly line: string;
}

/** A request as a misbehaving server sees it. */
export interface Visit {
  readonly request: Http2ServerRequest;
  readonly response: Http2ServerResponse;
  readonly method: string;
  readonly path: string;
  /** 1 for the first request on its connection. */
  readonly turn: number;
  /** 1 for the first connection. */
  readonly connection: number;
  /** The client's TCP connection, which can be closed and reset. */
  readonly raw: Socket;
}

/** Returns true when it has dealt with the request itself. */
export type Mischief = (visit: Visit) => boolean;

/** A little API server for ConfigMaps, over HTTP/1.1 and HTTP/2, that can be made to misbehave. */
export class FakeApi {
  mischief: Mischief = () => false;
  /** Acknowledged, but not kept. */
  loses: (key: string) => boolean = () => false;
  /** Happened, but not told to watches. */
  dropsEvent: (key: string) => boolean = () => false;
  /** Watches from before this version are told 410. */
  oldestVersion = 0;
  connections = 0;
  /** For clients. */
  url = '';
  readonly maps = new Map<string, StoredMap>();
  readonly #events: Event[] = [];
  readonly #watchers = new Set<Http2ServerResponse>();
  readonly #raw = new Map<number, { socket: Socket; number: number; turns: number }>();
  readonly #sockets = new Set<Socket>();
  readonly #server;
  /** A balancer before the server, since below TLS nothing can be reset. */
  readonly #front = createServer((client) => this.#relay(client));
  #version = 1;

  private constructor(
    pair: Pair,
    private readonly clientCa: string,
  ) {
    this.#server = createSecureServer({
      ...pair,
      ca: clientCa,
      requestCert: true,
      rejectUnauthorized: true,
      allowHTTP1: true,
    });
    this.#server.on('connection', (socket: Socket) => this.#track(socket));
    this.#server.on('sessionError', () => undefined);
    this.#server.on('tlsClientError', () => undefined);
    this.#server.on('request', (request, response) => this.#serve(request, response));
  }

  static async start(pair: Pair, clientCa: string): Promise<FakeApi> {
    const api = new FakeApi(pair, clientCa);
    await new Promise<void>((resolve) => api.#server.listen(0, '127.0.0.1', resolve));
    await new Promise<void>((resolve) => api.#front.listen(0, '127.0.0.1', resolve));
    api.url = `https://127.0.0.1:${(api.#front.address() as AddressInfo).port}`;
    return api;
  }

  /** Presents another certificate from now on. */
  present(pair: Pair): void {
    this.#server.setSecureContext({ ...pair, ca: this.clientCa });
  }

  get watching(): number {
    return this.#watchers.size;
  }

  endWatches(): void {
    for (const response of this.#watchers) response.socket.destroy();
    this.#watchers.clear();
  }

  async stop(): Promise<void> {
    this.#front.close();
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => setImmediate(resolve));
  }

  #relay(client: Socket): void {
    this.connections += 1;
    const number = this.connections;
    const upstream = connect((this.#server.address() as AddressInfo).port, '127.0.0.1', () => {
      this.#raw.set(upstream.localPort ?? 0, { socket: client, number, turns: 0 });
      client.pipe(upstream).pipe(client);
    });
    client.on('error', () => upstream.destroy());
    upstream.on('error', () => client.destroy());
    client.on('close', () => upstream.destroy());
    this.#track(client);
    upstream.on('close', () => client.destroy());
  }

  #track(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
  }

  #serve(request: Http2ServerRequest, response: Http2ServerResponse): void {
    const link = this.#raw.get(request.socket.remotePort ?? 0);
    if (link === undefined) throw new Error('a request without a connection');
    link.turns += 1;
    const url = new URL(request.url, 'https://fake');
    const { socket: raw, number: connection, turns: turn } = link;
    const visit = { request, response, method: request.method, path: url.pathname, turn, connection, raw };
    request.on('error', () => undefined);
    response.on('error', () => undefined);
    if (this.mischief(visit)) return;
    let body = '';
    request.on('data', (part: Buffer) => (body += part.toString()));
    request.on('end', () => this.#answer(visit, url, body));
  }

  #answer(visit: Visit, url: URL, body: string): void {
    const { response, method } = visit;
    if (!url.pathname.includes('/configmaps')) {
      reply(response, 200, { kind: 'Anything' });
      return;
    }
    if (url.searchParams.get('watch') === '1') {
      this.#watch(response, Number(url.searchParams.get('resourceVersion')));
      return;
    }
    if (method === 'POST') {
      this.#create(response, body);
      return;
    }
    if (method === 'PATCH') {
      this.#patch(response, url.pathname.split('/').at(-1) ?? '', body);
      return;
    }
    if (method === 'DELETE') this.maps.clear();
    const after = Number(url.searchParams.get('continue') ?? 0);
    const limit = Number(url.searchParams.get('limit') ?? 500);
    const all = [...this.maps.values()];
    const rest = all.length > after + limit ? String(after + limit) : '';
    const metadata = { resourceVersion: String(this.#version), continue: rest };
    reply(response, 200, { metadata, items: all.slice(after, after + limit).map(json) });
  }

  #create(response: Http2ServerResponse, body: string): void {
    const { metadata } = JSON.parse(body) as { metadata: { name: string } };
    if (this.maps.has(metadata.name)) {
      reply(response, 409, { message: 'already exists' });
      return;
    }
    const map = { name: metadata.name, version: (this.#version += 1), data: {} };
    this.maps.set(map.name, map);
    this.#tell('ADDED', map);
    reply(response, 201, json(map));
  }

  #patch(response: Http2ServerResponse, name: string, body: string): void {
    const map = this.maps.get(name);
    if (map === undefined) {
      reply(response, 404, { message: `configmaps "${name}" not found` });
      return;
    }
    const { data } = JSON.parse(body) as { data: Record<string, string> };
    const [[key, value] = ['', '']] = Object.entries(data);
    if (map.data[key] !== value) {
      map.version = this.#version += 1;
      map.data[key] = value;
      if (!this.dropsEvent(key)) this.#tell('MODIFIED', map);
    }
    reply(response, 200, json(map));
    if (this.loses(key)) map.data[key] = 'lost';
  }

  #tell(type: string, map: StoredMap): void {
    const event = { type, version: map.version, line: `${JSON.stringify({ type, object: json(map) })}\n` };
    this.#events.push(event);
    for (const watcher of this.#watchers) watcher.write(event.line);
  }

  #watch(response: Http2ServerResponse, from: number): void {
    if (from < this.oldestVersion) {
      reply(response, 410, { message: 'too old resource version' });
      return;
    }
    response.writeHead(200);
    response.write(
      `${JSON.stringify({ type: 'BOOKMARK', object: { metadata: { resourceVersion: String(from) } } })}\n`,
    );
    for (const event of this.#events) if (event.version > from) response.write(event.line);
    this.#watchers.add(response);
    response.on('close', () => this.#watchers.delete(response));
  }
}

function json(map: StoredMap) {
  return { metadata: { name: map.name, resourceVersion: String(map.version) }, data: map.data };
}

function reply(response: Http2ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}
