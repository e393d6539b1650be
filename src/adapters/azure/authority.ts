import type { AzureEnvironment } from './environment.js';
import { AzureError } from './error.js';
import { answered, type Http } from './http.js';
import type { AzureOptions } from './options.js';
import { checked, openIdSchema, parsedJson } from './schemas.js';

/** Old and new names of one login: an OpenID configuration of one may name the other. */
const sameLogins = [
  ['login.microsoftonline.com', 'login.windows.net', 'sts.windows.net', 'login.microsoft.com'],
  ['login.chinacloudapi.cn', 'login.partner.microsoftonline.cn'],
  ['login.microsoftonline.us', 'login-us.microsoftonline.com'],
];

/**
 * Where tokens for a subscription are asked for. With AD FS that follows from the environment; with Azure AD the
 * Resource Manager names the subscription's tenant when it is asked without a token.
 * @throws AzureError also when the token endpoint is at another host than the login, where no secret is sent
 */
export async function findTokenEndpoint(
  environment: AzureEnvironment,
  options: Pick<AzureOptions, 'identitySystem' | 'subscriptionId'>,
  http: Http,
): Promise<string> {
  const tenant =
    options.identitySystem === 'adfs' ? 'adfs' : await tenantOf(environment, options.subscriptionId, http);
  const url = `${environment.login}/${tenant}/.well-known/openid-configuration`;
  const answer = await http.send('GET', url);
  answered(answer, url, 'the OpenID configuration');
  const { token_endpoint: endpoint } = checked(openIdSchema, parsedJson(answer.text), url);
  if (!isSameLogin(endpoint, environment.login))
    throw new AzureError('protocol', {
      where: url,
      what: `names the token endpoint ${new URL(endpoint).origin}; expected one at ${environment.login}`,
      next: "nothing secret was sent there; check the API model's activeDirectoryEndpoint",
    });
  return endpoint;
}

async function tenantOf(environment: AzureEnvironment, subscriptionId: string, http: Http): Promise<string> {
  const url = `${environment.resourceManager}/subscriptions/${encodeURIComponent(subscriptionId)}?api-version=2016-06-01`;
  const { status, headers } = await http.send('GET', url);
  const [, tenant] =
    /authorization_uri="?https:\/\/[^/"\s]+\/([^/",\s]+)/i.exec(headers['www-authenticate'] ?? '') ?? [];
  if (status === 401 && tenant !== undefined) return tenant;
  throw new AzureError('protocol', {
    where: `${environment.resourceManager}/subscriptions/${subscriptionId}`,
    what: `status ${status}${tenant === undefined ? ' without a tenant' : ''}; expected 401 with authorization_uri, which names the tenant`,
    next: 'check --subscription-id and --azure-env',
    status,
  });
}

function isSameLogin(endpoint: string, login: string): boolean {
  const [found, wanted] = [new URL(endpoint), new URL(login)];
  if (found.protocol !== 'https:') return false;
  if (found.host === wanted.host) return true;
  return sameLogins.some((names) => names.includes(found.host) && names.includes(wanted.host));
}
