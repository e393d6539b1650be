import { ApiError, badRequest, forbidden, notModelled, unauthorized } from './api-error.js';
import type { Aggregator } from './aggregate.js';
import { authenticate, type ClientTrust } from './authenticate.js';
import { isAllowed, type Action } from './authorize.js';
import type { Core } from './core.js';
import { dispatch } from './dispatch.js';
import { plain } from './health.js';
import type { User } from './identity.js';
import { peerOf, type Peer } from './peers.js';
import { requestInfo, type GroupRequest, type RequestInfo, type ResourceRequest } from './request-info.js';
import { selectedName } from './selectors.js';
import { answer, bodyOf, connectionOf, tlsOf, type ApiRequest, type ApiResponse } from './serving.js';
import { serveWatch } from './watch-response.js';

/** What the handler needs besides the core; functions give what may change. */
export interface Around {
  readonly core: Core;
  readonly trust: () => ClientTrust;
  readonly aggregator: Aggregator;
  readonly started: () => boolean;
  readonly stopping: () => boolean;
  readonly askEtcd: () => Promise<unknown>;
}

/** Every request's way: who asks, what, may he, do it. Whatever goes wrong becomes a `Status`. */
export class Handler {
  readonly #peers = new WeakMap<object, { peer: Peer | undefined }>();

  constructor(private readonly around: Around) {}

  handle(request: ApiRequest, response: ApiResponse): void {
    response.on('error', () => response.destroy());
    this.#answer(request, response).catch((error: unknown) => this.#fail(request, response, error));
  }

  async #answer(request: ApiRequest, response: ApiResponse): Promise<void> {
    if (this.around.stopping()) throw new ApiError(503, 'ServiceUnavailable', 'apiserver is shutting down');
    const { method = 'GET', url = '/' } = request;
    const user = this.#userOf(request);
    if (!user) throw unauthorized();
    const info = requestInfo(method, url);
    if (!isAllowed(user, actionOf(info), this.around.core.caches))
      throw forbidden(`User "${user.name}" cannot ${info.verb} ${info.path}`);
    await this.#serve(request, response, user, info);
  }

  async #serve(request: ApiRequest, response: ApiResponse, user: User, info: RequestInfo): Promise<void> {
    const { core, aggregator, started, askEtcd } = this.around;
    if (info.kind === 'group') return aggregator.proxy(request, response, user, info);
    if (info.kind === 'plain') {
      const { status, body } = await plain(core, started(), info, askEtcd);
      answer(response, status, body);
      return;
    }
    const contentType = request.headers['content-type'] ?? '';
    checkFormats(request, contentType);
    const body = parsed(await bodyOf(request));
    const call = { info, user, contentType, body };
    if (info.verb === 'watch') return serveWatch(core, call, response);
    const reply = await dispatch(core, call);
    answer(response, reply.status, reply.body);
  }

  /** The certificate is read once for each connection; whether it counts is asked for each request. */
  #userOf(request: ApiRequest): User | undefined {
    const { core, trust } = this.around;
    const connection = connectionOf(request);
    const known = connection && this.#peers.get(connection);
    const tls = known ? undefined : tlsOf(request);
    const peer = known ? known.peer : tls && peerOf(tls);
    if (connection && !known) this.#peers.set(connection, { peer });
    return authenticate(peer, request.headers, trust(), core.tokens, core.caches);
  }

  #fail(request: ApiRequest, response: ApiResponse, error: unknown): void {
    const known = error instanceof ApiError;
    const status = known
      ? error
      : new ApiError(500, 'InternalError', error instanceof Error ? error.message : String(error));
    // Loud: a stand-in that is asked what it does not know must not be taken for the real one.
    if (!known || status.code === 501 || status.code === 400)
      this.around.core.log(`${request.method ?? ''} ${request.url ?? ''}: ${status.code} ${status.message}`);
    if (response.headersSent) response.destroy();
    else answer(response, status.code, status.status);
  }
}

function checkFormats({ headers }: ApiRequest, contentType: string): void {
  const accept = headers.accept ?? '*/*';
  if (!/\*\/\*|application\/(json|\*)/.test(accept))
    throw new ApiError(406, 'NotAcceptable', `only application/json is spoken here, not ${accept}`);
  if (contentType !== '' && !/json/.test(contentType)) throw notModelled(`bodies of ${contentType}`);
}

function parsed(text: string): unknown {
  if (text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch (error) {
    throw badRequest(`the body is no JSON: ${(error as Error).message}`);
  }
}

/** What RBAC is asked. */
function actionOf(info: RequestInfo): Action {
  if (info.kind === 'plain') return { verb: info.verb, path: info.path };
  return info.kind === 'group' ? groupAction(info) : resourceAction(info);
}

function resourceAction({ verb, resource, subresource, namespace, name, query }: ResourceRequest): Action {
  const { group, plural } = resource;
  return {
    verb,
    group,
    resource: subresource === undefined ? plural : `${plural}/${subresource}`,
    // A namespace lies in itself.
    namespace: plural === 'namespaces' ? name : namespace,
    name: name ?? selectedName(query),
  };
}

const verbsOfMethods: Readonly<Record<string, string>> = { post: 'create', put: 'update' };

function groupAction({ path, group, verb }: GroupRequest): Action {
  const [first, second, third, fourth] = path.split('/').filter(Boolean).slice(3);
  if (first === undefined) return { verb, path };
  const within = first === 'namespaces' && third !== undefined;
  const [resource, name] = within ? [third, fourth] : [first, second];
  const named = verbsOfMethods[verb] ?? (verb === 'get' && name === undefined ? 'list' : verb);
  return { verb: named, group, resource, namespace: within ? second : undefined, name };
}
