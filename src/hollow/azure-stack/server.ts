import { createServer, type Server } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json, armError, UnknownRequest, type Answer, type Question } from './answer.js';
import { Login } from './login.js';
import { audienceOf, stackTenant, type StackAddresses, type StackOptions } from './options.js';
import { Resources } from './resources.js';

/** What a test makes the next request meet instead of its answer. */
export type Fault = Answer | 'cut';

/** A running stand-in for Azure Stack Hub. */
export interface AzureStack {
  readonly addresses: StackAddresses;
  readonly port: number;
  readonly login: Login;
  readonly resources: Resources;
  /** Requests that it did not know; must be empty at a test's end. */
  readonly unknown: readonly string[];
  /** `METHOD path status` of every request. */
  readonly requests: readonly string[];
  /** The next requests to the Resource Manager meet these, one each. */
  fault(...faults: Fault[]): void;
  close(): Promise<void>;
}

/**
 * Starts a stand-in for the parts of Azure Stack Hub that keyroll and its operators meet: metadata, the 401 that names
 * the tenant, OpenID configuration, tokens of Azure AD or AD FS (secret, certificate), the providers, machines with
 * their power state, and their restart, which really reboots something. Whatever else is asked gets 501 and is listed.
 */
export async function startAzureStack(options: StackOptions): Promise<AzureStack> {
  const { certificate, key } = options.tls;
  const server = createServer({ cert: certificate, key, minVersion: 'TLSv1.2' });
  const port = await listening(server, options);
  const own = `https://localhost:${port}`;
  const addresses = options.addresses ?? { management: own, login: own };
  const stack = new Stack(options, addresses, port, server);
  server.on('request', (request, response) => void stack.serve(request, response));
  return stack;
}

function listening(server: Server, { listen = '127.0.0.1', port = 0 }: StackOptions): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, listen, () => resolve((server.address() as AddressInfo).port));
  });
}

class Stack implements AzureStack {
  readonly login: Login;
  readonly resources: Resources;
  readonly unknown: string[] = [];
  readonly requests: string[] = [];
  readonly #faults: Fault[] = [];
  readonly #options: StackOptions;
  readonly #server: Server;

  constructor(
    options: StackOptions,
    readonly addresses: StackAddresses,
    readonly port: number,
    server: Server,
  ) {
    this.#options = options;
    this.#server = server;
    this.login = new Login(options, addresses);
    this.resources = new Resources(options, addresses);
  }

  fault(...faults: Fault[]): void {
    this.#faults.push(...faults);
  }

  close(): Promise<void> {
    this.#server.closeAllConnections();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const question = await questionOf(request);
    const answer = this.#faultFor(question) ?? this.#answer(question);
    const line = `${question.method} ${question.path} ${answer === 'cut' ? 'cut' : answer.status}`;
    this.requests.push(line);
    this.#options.onRequest?.(line);
    if (answer === 'cut') return void request.socket.destroy();
    const { status, headers = {}, body } = answer;
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(body === undefined ? '' : JSON.stringify(body));
  }

  #faultFor({ path }: Question): Fault | undefined {
    return path.startsWith('/subscriptions/') ? this.#faults.shift() : undefined;
  }

  #answer(question: Question): Answer {
    try {
      return this.#route(question);
    } catch (error) {
      if (!(error instanceof UnknownRequest)) throw error;
      this.unknown.push(error.message);
      return armError(501, 'StandInDoesNotKnow', error.message);
    }
  }

  #route(question: Question): Answer {
    const { method, path, query, headers } = question;
    if (method === 'GET' && path === '/metadata/endpoints' && query.get('api-version') === '1.0')
      return json(this.#metadata());
    if (this.login.isFor(path)) return this.login.answer(question);
    if (!path.startsWith('/subscriptions/')) throw new UnknownRequest(`${method} ${path}`);
    if (!this.login.accepts(headers['authorization']?.toString() ?? '')) return this.#unauthorized();
    return this.resources.answer(question);
  }

  #metadata(): unknown {
    const { login, management } = this.addresses;
    return {
      galleryEndpoint: `${management}/gallery`,
      graphEndpoint: `${login}/graph`,
      portalEndpoint: `${management}/portal`,
      authentication: {
        loginEndpoint: this.#options.identitySystem === 'adfs' ? `${login}/adfs` : login,
        audiences: [audienceOf(this.#options, this.addresses)],
      },
    };
  }

  #unauthorized(): Answer {
    const uri = `${this.addresses.login}/${stackTenant}`;
    return {
      ...armError(401, 'AuthenticationFailed', 'Authentication failed. The Authorization header is missing.'),
      headers: { 'www-authenticate': `Bearer authorization_uri="${uri}", error="invalid_token"` },
    };
  }
}

async function questionOf(request: IncomingMessage): Promise<Question> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  const url = new URL(request.url ?? '/', 'https://stand-in');
  return {
    method: request.method ?? '',
    path: url.pathname,
    query: url.searchParams,
    headers: request.headers,
    body: Buffer.concat(parts).toString(),
  };
}
