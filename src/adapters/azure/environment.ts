import type { CustomCloud } from '../../model/custom-cloud.js';
import { AzureError } from './error.js';
import { answered, type Http } from './http.js';
import { checked, metadataSchema, parsedJson } from './schemas.js';

/** Where one cloud's Resource Manager and login are. Addresses end without `/`. */
export interface AzureEnvironment {
  readonly name: string;
  readonly resourceManager: string;
  /** Without the last part `adfs`. */
  readonly login: string;
  /** The resource that tokens are asked for. */
  readonly audience: string;
}

const publicClouds: readonly AzureEnvironment[] = [
  cloud(
    'AzurePublicCloud',
    'management.azure.com',
    'login.microsoftonline.com',
    'management.core.windows.net',
  ),
  cloud(
    'AzureChinaCloud',
    'management.chinacloudapi.cn',
    'login.chinacloudapi.cn',
    'management.core.chinacloudapi.cn',
  ),
  cloud(
    'AzureGermanCloud',
    'management.microsoftazure.de',
    'login.microsoftonline.de',
    'management.core.cloudapi.de',
  ),
  cloud(
    'AzureUSGovernmentCloud',
    'management.usgovcloudapi.net',
    'login.microsoftonline.us',
    'management.core.usgovcloudapi.net',
  ),
];

/** Names of `--azure-env` with what they stand for. */
const aliases: Readonly<Record<string, string>> = { AzureCloud: 'AzurePublicCloud' };

function cloud(name: string, arm: string, login: string, audience: string): AzureEnvironment {
  return {
    name,
    resourceManager: `https://${arm}`,
    login: `https://${login}`,
    audience: `https://${audience}/`,
  };
}

/**
 * The cloud of a cluster: what its model says of an Azure Stack Hub, completed from the stack's metadata endpoint, or
 * the public cloud of that name.
 * @throws AzureError for an unknown name, or a stack that does not say where its login is
 */
export async function findEnvironment(
  name: string,
  custom: CustomCloud | undefined,
  http: Http,
): Promise<AzureEnvironment> {
  if (custom !== undefined) return stackEnvironment(custom, http);
  const wanted = (aliases[name] ?? name).toLowerCase();
  const found = publicClouds.find((known) => known.name.toLowerCase() === wanted);
  if (found) return found;
  const known = publicClouds.map((each) => each.name).join(', ');
  throw new AzureError('settings', {
    where: '--azure-env',
    what:
      wanted === 'azurestackcloud'
        ? 'found AzureStackCloud, but the API model has no customCloudProfile'
        : `found ${name}; expected one of ${known}, AzureStackCloud`,
    next: 'correct the flag, or use the API model that aks-engine wrote for this cluster',
  });
}

async function stackEnvironment(custom: CustomCloud, http: Http): Promise<AzureEnvironment> {
  const resourceManager = trimmed(custom.resourceManager ?? managementOf(custom.portalUrl));
  const { activeDirectory, audience } = custom;
  const said =
    activeDirectory !== undefined && audience !== undefined
      ? { loginEndpoint: activeDirectory, audiences: [audience] }
      : (await askMetadata(resourceManager, http)).authentication;
  return {
    name: 'AzureStackCloud',
    resourceManager,
    login: trimmed(activeDirectory ?? said.loginEndpoint).replace(/\/adfs$/i, ''),
    audience: audience ?? said.audiences[0] ?? '',
  };
}

/** `https://portal.<location>.<domain>/` → `https://management.<location>.<domain>` */
function managementOf(portalUrl: string | undefined): string {
  const [, domain] = /^https:\/\/portal\.([^/]+)\/?$/.exec(portalUrl ?? '') ?? [];
  if (domain !== undefined) return `https://management.${domain}`;
  throw new AzureError('settings', {
    where: 'the API model: properties.customCloudProfile.portalURL',
    what: `found ${portalUrl ?? 'nothing'}; expected https://portal.<location>.<domain>/`,
    next: 'correct it, or give environment.resourceManagerEndpoint beside it',
  });
}

async function askMetadata(resourceManager: string, http: Http): ReturnType<typeof metadataAt> {
  return metadataAt(`${resourceManager}/metadata/endpoints?api-version=1.0`, http);
}

async function metadataAt(url: string, http: Http) {
  const answer = await http.send('GET', url);
  answered(answer, url, 'the metadata endpoint');
  return checked(metadataSchema, parsedJson(answer.text), url);
}

function trimmed(url: string): string {
  return url.replace(/\/+$/, '');
}
