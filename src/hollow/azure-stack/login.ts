import { createHash, randomBytes, verify, X509Certificate } from 'node:crypto';
import { json, loginError, UnknownRequest, type Answer, type Question } from './answer.js';
import { audienceOf, stackTenant, type StackAddresses, type StackOptions } from './options.js';

/** Tokens of the stand-in, and who gets them: Azure AD or AD FS, by secret or by an assertion that a certificate signs. */
export class Login {
  readonly #options: StackOptions;
  readonly #addresses: StackAddresses;
  readonly #tokens = new Map<string, number>();
  readonly #seenAssertions = new Set<string>();

  constructor(options: StackOptions, addresses: StackAddresses) {
    this.#options = options;
    this.#addresses = addresses;
  }

  /** `adfs`, or the tenant of Azure AD. */
  get tenant(): string {
    return this.#options.identitySystem === 'adfs' ? 'adfs' : stackTenant;
  }

  /** How many tokens were given out. */
  issued = 0;

  get #endpoint(): string {
    const slash = this.#options.identitySystem === 'adfs' ? '/' : '';
    return `${this.#addresses.login}/${this.tenant}/oauth2/token${slash}`;
  }

  isFor(path: string): boolean {
    return path.startsWith(`/${this.tenant}/`);
  }

  /** All tokens stop being valid. */
  expireTokens(): void {
    this.#tokens.clear();
  }

  accepts(authorization: string): boolean {
    const until = this.#tokens.get(authorization.replace(/^Bearer /, ''));
    return until !== undefined && Date.now() < until;
  }

  answer(question: Question): Answer {
    const { method, path } = question;
    if (method === 'GET' && path === `/${this.tenant}/.well-known/openid-configuration`)
      return json({ issuer: `${this.#addresses.login}/${this.tenant}`, token_endpoint: this.#endpoint });
    if (method === 'POST' && `${this.#addresses.login}${path}` === this.#endpoint)
      return this.#token(question);
    throw new UnknownRequest(`${method} ${path} at the login`);
  }

  #token({ body, headers }: Question): Answer {
    if (headers['content-type'] !== 'application/x-www-form-urlencoded')
      return loginError(400, 'invalid_request', 'AADSTS900144: the body must be a form');
    const form = new URLSearchParams(body);
    const wanted = audienceOf(this.#options, this.#addresses);
    if (form.get('grant_type') !== 'client_credentials')
      return loginError(400, 'unsupported_grant_type', 'AADSTS70003: the grant type is not known');
    if (form.get('resource') !== wanted)
      return loginError(400, 'invalid_resource', 'AADSTS500011: the resource principal was not found');
    if (form.get('client_id') !== this.#options.client.id)
      return loginError(400, 'unauthorized_client', 'AADSTS700016: the application was not found');
    const problem = form.has('client_secret') ? this.#secretProblem(form) : this.#assertionProblem(form);
    if (problem !== undefined) return loginError(401, 'invalid_client', problem);
    return json(this.#issue());
  }

  #issue(): unknown {
    const token = randomBytes(24).toString('base64url');
    const seconds = this.#options.tokenSeconds ?? 3600;
    this.#tokens.set(token, Date.now() + seconds * 1000);
    this.issued += 1;
    // The older endpoints say numbers as text.
    return { token_type: 'Bearer', expires_in: String(seconds), access_token: token };
  }

  #secretProblem(form: URLSearchParams): string | undefined {
    const { secret } = this.#options.client;
    if (secret !== undefined && form.get('client_secret') === secret) return undefined;
    return 'AADSTS7000215: the client secret is not right';
  }

  #assertionProblem(form: URLSearchParams): string | undefined {
    const { id, certificate } = this.#options.client;
    if (certificate === undefined) return 'AADSTS700027: no certificate is known for the client';
    const type = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
    if (form.get('client_assertion_type') !== type) return 'AADSTS90014: no client_assertion_type';
    const [header = '', claims = '', signature = ''] = (form.get('client_assertion') ?? '').split('.');
    const leaf = new X509Certificate(certificate);
    const thumbprint = createHash('sha1').update(leaf.raw).digest('base64url');
    const { alg, x5t } = decoded(header);
    if (alg !== 'RS256' || x5t !== thumbprint)
      return 'AADSTS700027: expected RS256 and the thumbprint in x5t';
    const text = Buffer.from(`${header}.${claims}`);
    if (!verify('RSA-SHA256', text, leaf.publicKey, Buffer.from(signature, 'base64url')))
      return 'AADSTS700027: the signature is not valid';
    return this.#claimsProblem(decoded(claims), id);
  }

  #claimsProblem(claims: Record<string, unknown>, id: string): string | undefined {
    const now = Date.now() / 1000;
    const { aud, iss, sub, exp, nbf, jti } = claims;
    if (aud !== this.#endpoint) return 'AADSTS50027: aud is not the token endpoint';
    if (iss !== id || sub !== id) return 'AADSTS700021: iss and sub must be the client';
    if (typeof exp !== 'number' || exp < now || typeof nbf !== 'number' || nbf > now)
      return 'AADSTS700024: the assertion is not within its time';
    if (typeof jti !== 'string' || this.#seenAssertions.has(jti)) return 'AADSTS50027: jti was used before';
    this.#seenAssertions.add(jti);
    return undefined;
  }
}

function decoded(part: string): Record<string, unknown> {
  try {
    return JSON.parse(Buffer.from(part, 'base64url').toString()) as Record<string, unknown>;
  } catch {
    // No assertion at all: the checks of its fields say so.
    return {};
  }
}
