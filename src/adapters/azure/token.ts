import type { HttpAnswer } from '../http/client.js';
import { clientAssertion } from './assertion.js';
import { AzureError } from './error.js';
import type { Http } from './http.js';
import type { AzureOptions } from './options.js';
import { checked, parsedJson, tokenErrorSchema, tokenSchema } from './schemas.js';

/** A bearer token that is always fresh enough for the next request. */
export interface TokenSource {
  /** A token that lasts for five minutes more, or half its life when that is less. Asks once for many callers. */
  get(): Promise<string>;
  /** The token was refused: the next `get` asks for another one. Another token than the last one is kept. */
  refused(token: string): void;
}

export interface TokenRequest {
  /** Found when the first token is needed. */
  readonly endpoint: () => Promise<string>;
  readonly audience: string;
  readonly options: Pick<AzureOptions, 'clientId' | 'credential'>;
}

interface Held {
  readonly token: string;
  /** ms; from then on another one is asked for. */
  readonly renewAt: number;
}

const renewBeforeMs = 300_000;

export function tokenSource(request: TokenRequest, http: Http): TokenSource {
  let held: Held | undefined;
  let asking: Promise<Held> | undefined;
  return {
    async get() {
      if (held !== undefined && http.clock.now() < held.renewAt) return held.token;
      asking ??= ask(request, http).finally(() => (asking = undefined));
      held = await asking;
      return held.token;
    },
    refused(token) {
      if (held?.token === token) held = undefined;
    },
  };
}

async function ask(request: TokenRequest, http: Http): Promise<Held> {
  const endpoint = await request.endpoint();
  const begun = http.clock.now();
  const answer = await http.send('POST', endpoint, {
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: form(request, endpoint, begun).toString(),
  });
  if (answer.status !== 200) throw refusal(answer, endpoint, request.options);
  const { access_token: token, expires_in: seconds } = checked(
    tokenSchema,
    parsedJson(answer.text),
    endpoint,
  );
  const lifeMs = seconds * 1000;
  return { token, renewAt: begun + Math.max(lifeMs - renewBeforeMs, lifeMs / 2) };
}

function form({ audience, options }: TokenRequest, endpoint: string, now: number): URLSearchParams {
  const { clientId, credential } = options;
  const proof =
    credential.method === 'client_secret'
      ? { client_secret: credential.secret }
      : {
          client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
          client_assertion: clientAssertion(credential, clientId, endpoint, now),
        };
  return new URLSearchParams({
    grant_type: 'client_credentials',
    client_id: clientId,
    resource: audience,
    ...proof,
  });
}

function refusal(
  { status, text }: HttpAnswer,
  endpoint: string,
  options: TokenRequest['options'],
): AzureError {
  const said = tokenErrorSchema.safeParse(parsedJson(text));
  const words = said.success
    ? `${said.data.error}: ${(said.data.error_description ?? '').split(/\r?\n/)[0] ?? ''}`
    : 'no reason';
  const how = options.credential.method === 'client_secret' ? '--client-secret' : '--certificate-path';
  return new AzureError(status >= 500 ? 'server' : 'credential', {
    where: endpoint,
    what: `no token for client ${options.clientId}: status ${status} (${withoutSecret(words, options)})`,
    next: `check --client-id, ${how}, --identity-system and that it has not expired`,
    status,
  });
}

/** Nobody is known to repeat a secret in an error; one that did would be silenced. */
function withoutSecret(text: string, { credential }: TokenRequest['options']): string {
  if (credential.method !== 'client_secret') return text;
  const { secret } = credential;
  return [secret, encodeURIComponent(secret), Buffer.from(secret).toString('base64')].reduce(
    (shown, form) => shown.replaceAll(form, '…'),
    text,
  );
}
