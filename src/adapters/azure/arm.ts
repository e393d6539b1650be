import type { z } from 'zod';
import type { HttpAnswer } from '../http/client.js';
import type { AzureEnvironment } from './environment.js';
import { AzureError, type AzureFailure } from './error.js';
import type { Http } from './http.js';
import { armErrorSchema, checked, pageSchema, parsedJson } from './schemas.js';
import type { TokenSource } from './token.js';

/** The Resource Manager of one cloud, as one service principal. Safe to call concurrently. */
export class Arm {
  readonly http: Http;
  readonly #environment: AzureEnvironment;
  readonly #tokens: TokenSource;

  constructor(environment: AzureEnvironment, tokens: TokenSource, http: Http) {
    this.#environment = environment;
    this.#tokens = tokens;
    this.http = http;
  }

  /** The object at a path (`/subscriptions/…`). @throws AzureError for anything but 200 */
  async get<Schema extends z.ZodType>(
    path: string,
    query: Readonly<Record<string, string>>,
    schema: Schema,
  ): Promise<z.output<Schema>> {
    const url = this.url(path, query);
    const answer = await this.send('GET', url);
    if (answer.status !== 200) throw statusError(answer, 'GET', url);
    return checked(schema, parsedJson(answer.text), shown('GET', url));
  }

  /** All items of a list, page after page. @throws AzureError */
  async list<Schema extends z.ZodType>(
    path: string,
    query: Readonly<Record<string, string>>,
    schema: Schema,
  ): Promise<z.output<Schema>[]> {
    const items: z.output<Schema>[] = [];
    let next: string | undefined = this.url(path, query);
    while (next !== undefined) {
      const answer: HttpAnswer = await this.send('GET', next);
      if (answer.status !== 200) throw statusError(answer, 'GET', next);
      const where = shown('GET', next);
      const page: z.output<typeof pageSchema> = checked(pageSchema, parsedJson(answer.text), where);
      items.push(...page.value.map((item) => checked(schema, item, where)));
      next = page.nextLink || undefined;
    }
    return items;
  }

  /**
   * Any request to the Resource Manager; with a new token once more when the present one is refused.
   * @throws AzureError when there is no answer, or when the address is another host's, to which no token is sent
   */
  async send(method: string, url: string): Promise<HttpAnswer> {
    this.#demandOwn(url);
    const token = await this.#tokens.get();
    const answer = await this.#sendWith(token, method, url);
    if (answer.status !== 401) return answer;
    this.#tokens.refused(token);
    return this.#sendWith(await this.#tokens.get(), method, url);
  }

  url(path: string, query: Readonly<Record<string, string>>): string {
    return `${this.#environment.resourceManager}${path}?${new URLSearchParams(query).toString()}`;
  }

  #sendWith(token: string, method: string, url: string): Promise<HttpAnswer> {
    return this.http.send(method, url, { headers: { authorization: `Bearer ${token}` } });
  }

  #demandOwn(url: string): void {
    const own = new URL(this.#environment.resourceManager).origin;
    if (URL.canParse(url) && new URL(url).origin === own) return;
    throw new AzureError('protocol', {
      where: own,
      what: `it names an address at ${URL.canParse(url) ? new URL(url).origin : 'no host'}; expected one of its own`,
      next: 'the token was not sent there; see whether a proxy changes what the Resource Manager answers',
    });
  }
}

/** Method and address without the query. */
export function shown(method: string, url: string): string {
  const { origin, pathname } = new URL(url);
  return `${method} ${origin}${pathname}`;
}

const advice: Readonly<Record<number, readonly [AzureFailure, string]>> = {
  401: ['credential', 'check that the service principal belongs to the tenant of the subscription'],
  403: ['forbidden', 'give the service principal the role Contributor on the resource group'],
  404: ['missing', 'check --subscription-id and --resource-group'],
  429: ['throttled', 'wait some minutes, then run the same command again'],
};

/** The error for an answer that was not expected. */
export function statusError({ status, text }: HttpAnswer, method: string, url: string): AzureError {
  const body = armErrorSchema.safeParse(parsedJson(text));
  const { code, message } = body.success ? body.data.error : { code: undefined, message: undefined };
  const said = [code, message].filter(Boolean).join(': ');
  const [failure, next] = advice[status] ?? [
    'server' as const,
    'see the state of Azure or of the stack, then run the same command again',
  ];
  return new AzureError(failure, {
    where: shown(method, url),
    what: `status ${status}${said === '' ? '' : ` (${said})`}`,
    next,
    status,
  });
}
